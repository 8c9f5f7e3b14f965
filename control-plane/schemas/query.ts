/**
 * The parameters of the API's paths and queries. Each arrives as text and leaves typed; a parameter
 * that is not listed is refused, since a misspelt filter that is ignored answers another question.
 * A cursor is opaque to clients: it holds the last id that was seen and is bound to no snapshot.
 */

import { z } from 'zod';
import { ALERT_SEVERITIES, ALERT_STATUSES } from '../model/alert.ts';
import { ELECTION_OUTCOMES } from '../model/election.ts';
import { MODES } from '../model/mode.ts';
import { NODE_STATUSES } from '../model/node.ts';
import { REASONS } from '../model/reasons.ts';
import { expected, slug, strictObject, text } from './document.ts';

export const PAGE_LIMIT_MAX = 500;
export const PAGE_LIMIT_DEFAULT = 100;

const CURSOR_PREFIX = '1:';
const CURSOR_CHARACTERS_MAX = 256;

/** Makes the cursor that continues after `id`. */
export function encodeCursor(id: string): string {
  return Buffer.from(`${CURSOR_PREFIX}${id}`, 'utf8').toString('base64url');
}

/** 1 to 128 characters of [A-Za-z0-9._-], and nothing that a path or an object reads otherwise. */
export const nodeId = z
  .string({ error: (issue) => expected('a node id', issue.input) })
  .regex(/^[A-Za-z0-9._-]{1,128}$/u, { error: 'expected 1 to 128 characters of A-Z a-z 0-9 . _ -' })
  .check((context) => {
    const { value } = context;
    if (/[^.]/u.test(value) && !(value in {})) return;
    context.issues.push({ code: 'custom', message: 'reserved word', input: value });
  })
  .meta({ description: 'Stable over restarts of the agent.', examples: ['gpu-host-7'] });

export const capability = z
  .string({ error: (issue) => expected('a capability', issue.input) })
  .regex(/^[a-z0-9_-]{1,32}$/u, { error: 'expected 1 to 32 characters of a-z, 0-9, _ and -' })
  .meta({ examples: ['inference'] });

const decisionId = z
  .string()
  .regex(/^[0-9a-f]{12}-[a-z0-9-]{1,63}$/u, {
    error: 'expected 12 hexadecimal digits, a dash and the id of a workload',
  })
  .meta({ examples: ['019c2a4f5b80-demo-inference'] });

const limit = z
  .string()
  .refine((text) => /^[1-9]\d{0,2}$/u.test(text) && Number(text) <= PAGE_LIMIT_MAX, {
    error: `expected a whole number from 1 to ${PAGE_LIMIT_MAX}`,
  })
  .transform(Number)
  .prefault(String(PAGE_LIMIT_DEFAULT))
  .meta({
    description: 'Most elements of one page.',
    override: ({ jsonSchema }) => {
      jsonSchema.type = 'integer';
      jsonSchema.minimum = 1;
      jsonSchema.maximum = PAGE_LIMIT_MAX;
      jsonSchema.default = PAGE_LIMIT_DEFAULT;
    },
  });

const page = {
  limit,
  cursor: cursorTo(/^[A-Za-z0-9._-]{1,128}$/u),
};

export const nothing = z.strictObject({});

export const nodePath = z.strictObject({ nodeId });
export const workloadPath = z.strictObject({ id: slug('the id of a workload') });
export const policyPath = z.strictObject({ id: slug('the id of a policy') });
export const budgetPath = z.strictObject({ id: slug('the id of a budget') });
export const sloPath = z.strictObject({ id: slug('the id of an SLO') });
export const decisionPath = z.strictObject({ decisionId });

const format = word(
  ['json', 'html'],
  'Goes before Accept: `html` is a page for people. Left out: as Accept says, and JSON where it says nothing.',
);

export const decisionQuery = z.strictObject({ format });

export const memberPath = z.strictObject({ id: slug('the id of a member') });

const ELECTION_ID = /^[a-z0-9-]{1,128}$/u;

export const electionPath = z.strictObject({
  electionId: z
    .string()
    .regex(ELECTION_ID, { error: 'expected 1 to 128 characters of a-z, 0-9 and -' }),
});

/** How fresh a read has to be. */
export const CONSISTENCIES = ['linearizable', 'stale'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** What every read of replicated state takes beside its own parameters. */
export const consistencyQuery = z.strictObject({
  consistency: word(
    CONSISTENCIES,
    '`linearizable`: confirmed by a quorum, or refused. `stale`: at once, from what the asked member has. Left out: linearizable while a quorum is there, and stale, marked so, while it is not.',
  ),
});

export const pageQuery = z.strictObject(page);

export const putPolicyQuery = z.strictObject({
  dryRun: flag('Saves nothing, and answers with what the policy would decide now.'),
  force: flag('Saves a policy also when the metrics source refuses one of its queries.'),
});

const versionNumber = z
  .string()
  .regex(/^[1-9]\d{0,14}$/u, { error: 'expected the number of a version, from 1' });

export const promoteQuery = z.strictObject({
  version: versionNumber
    .transform(Number)
    .optional()
    .meta({ description: 'Of the shadow that is meant; left out: the one that there is.' }),
});

export const diffQuery = z.strictObject({
  from: z
    .union([versionNumber, z.enum(['previous', 'current'])], {
      error: 'expected the number of a version, previous or current',
    })
    .optional()
    .meta({ description: 'Left out: previous; current when compared with the shadow.' }),
  to: z
    .union([versionNumber, z.enum(['current', 'shadow'])], {
      error: 'expected the number of a version, current or shadow',
    })
    .optional()
    .meta({ description: 'Left out: current.' }),
});

export const nodesQuery = z.strictObject({
  ...page,
  status: word(NODE_STATUSES, 'Only nodes with this status.'),
  capability: capability.optional(),
});

export const servicesQuery = z.strictObject({
  limit,
  capability: capability.optional(),
});

export const discoveryQuery = z.strictObject({
  kind: z
    .enum(['agents', 'replicas'], {
      error: (issue) => expected('one of agents, replicas', issue.input),
    })
    .meta({ description: 'Which scrape targets.' }),
});

export const decisionsQuery = z
  .strictObject({
    limit,
    cursor: cursorTo(/^[0-9a-f]{12}-[a-z0-9-]{1,63}$/u),
    workload: slug('the id of a workload').optional(),
    policy: slug('the id of a policy').optional(),
    verdict: word(['act', 'hold'], 'Only decisions that acted, or that held.'),
    direction: word(['out', 'in'], 'Only decisions that acted in this direction.'),
    reason: word(REASONS, 'Only decisions with this reason.'),
    traceId: z
      .string()
      .regex(/^[0-9a-f]{32}$/u, { error: 'expected 32 lower-case hexadecimal digits' })
      .optional(),
    from: instant('Only decisions made at or after this instant.'),
    to: instant('Only decisions made before this instant.'),
    format,
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['from'],
    error: 'is not before `to`',
  })
  .meta({ description: 'Filters of decisions; all that are given must hold.' });

export const electionsQuery = z.strictObject({
  limit,
  cursor: cursorTo(ELECTION_ID),
  outcome: word(ELECTION_OUTCOMES, 'Only elections that ended so.'),
  candidate: slug('the id of a member').optional(),
});

export const alertsQuery = z.strictObject({
  limit,
  cursor: cursorTo(/^[0-9a-f]{12}-[0-9a-f]{16}$/u),
  status: word(ALERT_STATUSES, 'Only alerts that fire, or that are over.'),
  name: text('the name of an alert', 256).optional().meta({ description: 'Only this alert.' }),
  severity: word(ALERT_SEVERITIES, 'Only alerts of this severity.'),
});

export const modeDocument = strictObject('{ mode }', {
  mode: z.enum(MODES, {
    error: (issue) => expected(`one of ${MODES.join(', ')}`, issue.input),
  }),
}).meta({ id: 'ModeDocument', description: 'How far decisions may go.' });

function word<const Words extends readonly [string, ...string[]] | readonly string[]>(
  words: Words,
  description: string,
) {
  return z
    .enum(words, { error: `expected one of ${words.join(', ')}` })
    .optional()
    .meta({ description });
}

function flag(description: string) {
  return z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .prefault('false')
    .transform((text) => text === 'true')
    .meta({
      description,
      override: ({ jsonSchema }) => {
        delete jsonSchema.enum;
        jsonSchema.type = 'boolean';
        jsonSchema.default = false;
      },
    });
}

/** RFC 3339 with a zone; UNIX ms once parsed. */
function instant(description: string) {
  return z.iso
    .datetime({ offset: true, error: 'expected an instant such as 2026-11-21T10:00:00Z' })
    .max(40, { error: 'expected an instant such as 2026-11-21T10:00:00Z' })
    .transform((text) => Date.parse(text))
    .optional()
    .meta({
      description,
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        jsonSchema.format = 'date-time';
      },
    });
}

/** The id after which a page begins. */
function cursorTo(id: RegExp) {
  return z
    .string()
    .max(CURSOR_CHARACTERS_MAX, { error: 'not a cursor of this list' })
    .transform((text, context) => {
      const decoded = Buffer.from(text, 'base64url').toString('utf8');
      const after = decoded.slice(CURSOR_PREFIX.length);
      if (text === encodeCursor(after) && id.test(after)) return after;
      context.issues.push({ code: 'custom', message: 'not a cursor of this list', input: text });
      return z.NEVER;
    })
    .optional()
    .meta({ description: '`nextCursor` of the page before.' });
}
