/**
 * Members: who takes part in consensus, and changing that. Each change is one member's, and whether it
 * may be made is the leader's to say; an end that is not known is said to be unknown.
 */

import type { MemberId, MembershipChange } from '../model/configuration.ts';
import type { ConsensusFailure } from '../model/consensus-failure.ts';
import { type Consensus, ConsensusError } from '../ports/consensus.ts';
import { type Membership, MembershipError, type MemberView } from '../ports/membership.ts';
import { memberDocument, parseMember, parseTransfer, transferDocument } from '../schemas/member.ts';
import { memberPath, nothing } from '../schemas/query.ts';
import { leadershipView, membersView, memberView } from './cluster-representations.ts';
import { HttpRefusal } from './errors.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Route } from './route.ts';

export interface MemberSources {
  readonly consensus: Pick<Consensus, 'status'>;
  readonly membership: Membership;
  /** Whether a change of the voters is under way: the configuration in force is joint. */
  readonly isJoint: () => boolean;
  readonly membershipTimeoutMs: number;
}

export function memberRoutes(sources: MemberSources): readonly Route[] {
  return [
    listMembers(sources),
    readMember(sources),
    addMember(sources),
    promoteMember(sources),
    removeMember(sources),
    transferLeadership(sources),
  ];
}

/** What all changes of the group have in common. */
const CHANGES_CLUSTER = {
  tag: 'members',
  role: 'admin',
  answeredBy: 'leader',
  membership: true,
} as const;

function listMembers({ consensus, membership, isJoint }: MemberSources): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/members',
    operationId: 'listMembers',
    tag: 'members',
    summary: 'The members of the cluster, as the leader sees them, in the order of their ids',
    description:
      'Only the leader knows how far the others are. With consistency=stale it is the view of the member that was asked.',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'All members', schema: membersView } },
    answer: () => {
      const { memberId, leadership, commitIndex } = consensus.status();
      const { leaderId, term } = leadership;
      const items = membership.members().map(render);
      return json({ memberId, leaderId, term, commitIndex, joint: isJoint(), items });
    },
  });
}

function readMember({ membership }: MemberSources): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/members/{id}',
    operationId: 'readMember',
    tag: 'members',
    summary: 'One member, as the leader sees it',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: memberPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The member', schema: memberView } },
    problems: ['member_not_found'],
    answer: ({ path }) => json(viewOf(membership, path.id)),
  });
}

function addMember(sources: MemberSources): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/members',
    operationId: 'addMember',
    ...CHANGES_CLUSTER,
    summary: 'Adds a member as a learner: it gets the log, and counts for nothing until promoted',
    description:
      'Answered once the change is committed; the member may be started before or after.',
    pathSchema: nothing,
    querySchema: nothing,
    body: { schema: memberDocument, parse: parseMember },
    responses: {
      201: {
        description: 'Added',
        schema: memberView,
        headers: { location: 'The path of the member.' },
      },
    },
    problems: ['member_exists'],
    answer: async ({ body }) => {
      const { id, address } = body;
      await change(sources, { ...NO_CHANGE, add: [{ memberId: id, address }] });
      const added = json(viewOf(sources.membership, id), 201);
      return { ...added, headers: { location: `/v1/members/${id}` } };
    },
  });
}

function promoteMember(sources: MemberSources): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/members/{id}/promote',
    operationId: 'promoteMember',
    ...CHANGES_CLUSTER,
    summary: 'Makes a learner that has caught up a voter; answered once the new majority decides',
    pathSchema: memberPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'A voter', schema: memberView } },
    problems: ['member_not_found', 'not_a_learner', 'learner_lags', 'nothing_to_change'],
    answer: async ({ path }) => {
      await changeOf(path.id, sources, { ...NO_CHANGE, promote: [path.id] });
      return json(viewOf(sources.membership, path.id));
    },
  });
}

function removeMember(sources: MemberSources): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/members/{id}',
    operationId: 'removeMember',
    ...CHANGES_CLUSTER,
    summary: 'Removes a voter or a learner; a leader that is removed hands over and leaves',
    pathSchema: memberPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'Removed' } },
    problems: ['member_not_found', 'no_voter_left'],
    answer: async ({ path }) => {
      await changeOf(path.id, sources, { ...NO_CHANGE, remove: [path.id] });
      return NO_CONTENT;
    },
  });
}

function transferLeadership({ membership, membershipTimeoutMs }: MemberSources): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/leadership/transfer',
    operationId: 'transferLeadership',
    ...CHANGES_CLUSTER,
    summary: 'Hands leadership to another voter; answered once that one leads',
    pathSchema: nothing,
    querySchema: nothing,
    body: { schema: transferDocument, parse: parseTransfer },
    responses: { 200: { description: 'Who leads now', schema: leadershipView } },
    problems: ['member_unknown', 'not_a_voter', 'already_leader'],
    answer: async ({ body }) => {
      const { leaderId } = await known(membershipTimeoutMs, (signal) =>
        membership.transfer(body, signal),
      );
      return json({ leaderId });
    },
  });
}

const NO_CHANGE: MembershipChange = { add: [], promote: [], remove: [] };

/** A change of the member that the path names: that it is missing is a missing page. */
async function changeOf(
  id: MemberId,
  sources: MemberSources,
  wanted: MembershipChange,
): Promise<void> {
  try {
    await change(sources, wanted);
  } catch (cause) {
    const isMissing = cause instanceof MembershipError && cause.refusal === 'member_unknown';
    throw isMissing ? memberNotFound(id, cause) : cause;
  }
}

async function change(
  { membership, membershipTimeoutMs }: MemberSources,
  wanted: MembershipChange,
): Promise<void> {
  await known(membershipTimeoutMs, (signal) => membership.change(wanted, signal));
}

/** What says that nobody waits for the end of a change any more, not how it ends. */
const LEFT_OPEN: readonly ConsensusFailure[] = ['aborted', 'no_leader', 'not_leader'];

/** The client's going away takes nothing back: only the deadline gives up, and says what that means. */
async function known<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await work(signal);
  } catch (cause) {
    const isUnknown =
      cause instanceof ConsensusError
        ? LEFT_OPEN.includes(cause.failure)
        : signal.aborted && !(cause instanceof MembershipError);
    if (!isUnknown) throw cause;
    const detail = 'The change was not confirmed in time; GET /v1/members shows what is in force.';
    throw new HttpRefusal('commit_unknown', detail, { cause });
  }
}

/** @throws HttpRefusal */
function viewOf(membership: Membership, id: MemberId) {
  const found = membership.members().find((one) => one.memberId === id);
  if (found === undefined) throw memberNotFound(id);
  return render(found);
}

function memberNotFound(id: MemberId, cause?: unknown): HttpRefusal {
  return new HttpRefusal('member_not_found', `No member has the id "${id}".`, { cause });
}

function render({ memberId, contactAgeMs, ...view }: MemberView) {
  const ageMs = contactAgeMs === null ? null : Math.round(contactAgeMs);
  return { id: memberId, ...view, contactAgeMs: ageMs };
}
