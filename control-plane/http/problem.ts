/**
 * Renders a refusal as problem details (RFC 9457), and turns whatever was thrown into a refusal.
 * It never tells a client more than the catalogue and a public sentence: no stack, no message of an
 * error that was not meant for it.
 */

import { ConsensusError } from '../ports/consensus.ts';
import { AlertStoreError } from '../ports/alert-store.ts';
import { DecisionStoreError } from '../ports/decision-store.ts';
import { MembershipError } from '../ports/membership.ts';
import { SchemaError } from '../schemas/fault.ts';
import { unreachable } from '../model/reasons.ts';
import {
  HttpRefusal,
  problemEntry,
  problemType,
  type ProblemCode,
  type RequestFault,
} from './errors.ts';

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path that was asked for. */
  readonly instance: string;
  readonly code: string;
  readonly trace_id: string;
  readonly errors?: readonly RequestFault[];
  /** How many faults there were beyond those listed. */
  readonly errors_omitted?: number;
}

export interface Occurrence {
  /** Path without query. */
  readonly path: string;
  readonly traceId: string;
  readonly faultsMax: number;
}

export const PROBLEM_TYPE = 'application/problem+json';

export function problemDocument(refusal: HttpRefusal, at: Occurrence): ProblemDocument {
  const entry = problemEntry(refusal.code);
  const omitted = refusal.faults.length - at.faultsMax;
  return {
    type: problemType(refusal.code),
    title: entry.title,
    status: entry.status,
    detail: refusal.message,
    instance: at.path,
    code: refusal.code,
    trace_id: at.traceId,
    ...(refusal.faults.length > 0 && { errors: refusal.faults.slice(0, at.faultsMax) }),
    ...(omitted > 0 && { errors_omitted: omitted }),
  };
}

/** Headers that belong to a refusal beside those of every response. */
export function problemHeaders(refusal: HttpRefusal): Readonly<Record<string, string>> {
  const retryAfterS = problemEntry(refusal.code).retryAfterS;
  return {
    'content-type': PROBLEM_TYPE,
    ...(retryAfterS !== undefined && { 'retry-after': String(retryAfterS) }),
    ...refusal.headers,
  };
}

/** The refusal that a thrown value stands for; `internal_error` for what no layer foresaw. */
export function refusalOf(thrown: unknown): HttpRefusal {
  if (thrown instanceof HttpRefusal) return thrown;
  if (thrown instanceof SchemaError) return documentRefusal(thrown);
  if (thrown instanceof ConsensusError) return consensusRefusal(thrown);
  if (thrown instanceof MembershipError) return membershipRefusal(thrown);
  if (thrown instanceof DecisionStoreError) {
    return new HttpRefusal('decision_store_unavailable', 'The decision store does not answer.', {
      cause: thrown,
    });
  }
  if (thrown instanceof AlertStoreError) return alertStoreRefusal(thrown);
  return new HttpRefusal('internal_error', 'The request could not be answered.', { cause: thrown });
}

function alertStoreRefusal(cause: AlertStoreError): HttpRefusal {
  switch (cause.kind) {
    case 'full':
      return new HttpRefusal('alert_store_full', 'Too many alerts wait.', { cause });
    case 'failed':
      return new HttpRefusal('alert_store_unavailable', 'The alert store does not answer.', {
        cause,
      });
    default:
      return unreachable(cause.kind);
  }
}

function documentRefusal(error: SchemaError): HttpRefusal {
  const faults = error.faults.map((fault) => ({ in: 'body' as const, ...fault }));
  return new HttpRefusal('invalid_document', countOf(faults.length), { faults, cause: error });
}

/** One sentence that counts the faults. */
export function countOf(faults: number): string {
  return faults === 1 ? 'There is one fault.' : `There are ${faults} faults.`;
}

function consensusRefusal(error: ConsensusError): HttpRefusal {
  const cause = error;
  switch (error.failure) {
    case 'not_leader':
      return new HttpRefusal('not_leader', 'This member does not lead; ask the leader.', { cause });
    case 'no_leader':
      return new HttpRefusal('no_leader', 'No leader is known, or it does not answer.', { cause });
    case 'overloaded':
      return new HttpRefusal('overloaded', 'Too many changes wait to be committed.', { cause });
    case 'storage_failed':
      return new HttpRefusal('storage_failed', 'The log of this member cannot be written.', {
        cause,
      });
    case 'format_not_read':
      // Written for whoever asked: member ids, formats and what to do.
      return new HttpRefusal('format_not_read', error.message, { cause });
    case 'aborted':
      return new HttpRefusal('commit_unknown', 'The change was not confirmed in time.', { cause });
    default:
      return unreachable(error.failure);
  }
}

/** What the leader says to a change of the members that it does not make. */
const MEMBERSHIP_REFUSALS: Readonly<
  Record<MembershipError['refusal'], { readonly code: ProblemCode; readonly detail: string }>
> = {
  not_leader: { code: 'not_leader', detail: 'This member does not lead; ask the leader.' },
  transferring: {
    code: 'transferring',
    detail: 'Leadership is being handed over; ask again in a moment.',
  },
  change_under_way: {
    code: 'change_under_way',
    detail: 'An earlier change is not finished, or the leader is new; ask again in a moment.',
  },
  member_exists: { code: 'member_exists', detail: 'A member with this id is there already.' },
  member_unknown: { code: 'member_unknown', detail: 'No member has this id.' },
  not_a_learner: { code: 'not_a_learner', detail: 'Only a learner can be promoted.' },
  learner_lags: {
    code: 'learner_lags',
    detail: 'The learner is too far behind the leader to be promoted.',
  },
  no_voter_left: { code: 'no_voter_left', detail: 'The last voter cannot be removed.' },
  nothing_to_change: { code: 'nothing_to_change', detail: 'The cluster is like that already.' },
  not_a_voter: { code: 'not_a_voter', detail: 'Only a voter can lead.' },
  already_leader: { code: 'already_leader', detail: 'This member leads already.' },
};

function membershipRefusal(error: MembershipError): HttpRefusal {
  const { code, detail } = MEMBERSHIP_REFUSALS[error.refusal];
  return new HttpRefusal(code, detail, { cause: error });
}
