/** What the API answers about members and elections, as schemas (see representations.ts). */

import { z } from 'zod';

import { CAMPAIGN_CAUSES, ELECTION_OUTCOMES, VOTE_PHASES } from '../model/election.ts';
import { VOTE_REASONS } from '../model/raft-message.ts';

const count = z.int().min(0);
const traceId = z.string().regex(/^[0-9a-f]{32}$/u);
const sinceStartMs = z.number().nullable();

export const memberView = z
  .strictObject({
    id: z.string(),
    address: z.string().meta({
      description: 'host:port of its Raft listener; empty for a member that runs alone.',
    }),
    apiUrl: z.string().nullable().meta({ description: 'As it said itself when it connected.' }),
    formatMax: count.nullable().meta({
      description:
        'The newest format of the log that its version reads, as it said when it connected; null while the answering member has not heard of it.',
    }),
    membership: z.enum(['voter', 'learner', 'leaving']).meta({
      description: '`leaving`: a voter of the configuration that a change is leaving.',
    }),
    role: z.enum(['leader', 'follower', 'candidate', 'learner', 'unknown']).meta({
      description: 'As far as the answering member knows.',
    }),
    matchIndex: count.nullable().meta({
      description: 'Its log is durable and equal to the leader’s up to here.',
    }),
    lagEntries: count.nullable().meta({ description: 'Between that and the leader’s last entry.' }),
    contactAgeMs: z.number().nullable().meta({ description: 'Since its last message.' }),
    replication: z.enum(['probe', 'replicate', 'snapshot']).nullable(),
  })
  .meta({ id: 'Member', description: 'Null is what the answering member cannot tell.' });

export const membersView = z
  .strictObject({
    memberId: z.string().meta({ description: 'The member that answers.' }),
    leaderId: z.string().nullable(),
    term: count,
    commitIndex: count,
    joint: z.boolean().meta({
      description: 'A change of the voters is under way: majorities of the old and the new decide.',
    }),
    items: z.array(memberView),
  })
  .meta({ id: 'Members' });

export const leadershipView = z.strictObject({ leaderId: z.string() }).meta({ id: 'Leadership' });

export const electionView = z
  .strictObject({
    electionId: z.string(),
    candidateId: z.string(),
    term: count.meta({ description: 'The term that was campaigned for.' }),
    cause: z.enum(CAMPAIGN_CAUSES),
    outcome: z.enum(ELECTION_OUTCOMES),
    suspectedLeaderId: z.string().nullable(),
    silentForMs: z.number().nullable().meta({
      description: 'How long that leader had been silent at the start.',
    }),
    startedAtMs: z.number().meta({ description: 'UNIX time in ms, by the candidate’s clock.' }),
    preVoteMs: sinceStartMs.meta({ description: 'From the start to the campaign for votes.' }),
    electedMs: sinceStartMs.meta({ description: 'From the start to the quorum of votes.' }),
    committedMs: sinceStartMs.meta({
      description: 'From the start to the commit of the term’s first entry.',
    }),
    durationMs: z.number().meta({ description: 'From the start to its end.' }),
    votes: z
      .array(
        z.strictObject({
          phase: z.enum(VOTE_PHASES),
          voterId: z.string(),
          reason: z.enum(VOTE_REASONS),
          afterMs: z.number().meta({ description: 'From the start to the answer’s arrival.' }),
        }),
      )
      .meta({ description: 'In order of arrival.' }),
    traceId: traceId.meta({ description: 'The trace that has the same moments as spans.' }),
    rootSpanId: z
      .string()
      .regex(/^[0-9a-f]{16}$/u)
      .meta({ description: 'The first span of the election in that trace.' }),
    previousTraceId: traceId.nullable().meta({ description: 'Of the election before.' }),
  })
  .meta({ id: 'Election' });
