/**
 * The one catalogue of refusals and failures that a client may see. A code names one cause and has
 * one status; the OpenAPI document and the documentation page are generated from this table. What
 * is not in it does not leave the process: anything else thrown is `internal_error`, without detail.
 *
 * 400 says that the request as HTTP or JSON cannot be read (path, query, headers, syntax);
 * 422 that a well-formed document is wrong. Both list every fault.
 */

interface Entry {
  readonly status: number;
  readonly title: string;
  /** For the documentation: when it happens, and what the client should do. */
  readonly meaning: string;
  /** Sent as Retry-After when waiting may help, in seconds. */
  readonly retryAfterS?: number;
}

export const PROBLEMS = {
  malformed_request: {
    status: 400,
    title: 'The HTTP message cannot be read',
    meaning: 'The request line, a header or the framing of the body is not valid HTTP.',
  },
  invalid_request: {
    status: 400,
    title: 'The path, query or headers are wrong',
    meaning:
      'A path parameter, query parameter, cursor or header has a wrong value, is given twice or is not known. Each is listed in `errors`.',
  },
  body_missing: {
    status: 400,
    title: 'The request needs a body',
    meaning: 'Send a JSON document with Content-Type: application/json.',
  },
  body_not_utf8: {
    status: 400,
    title: 'The body is not UTF-8',
    meaning: 'JSON is exchanged as UTF-8 (RFC 8259, section 8.1).',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not JSON',
    meaning: 'The detail says at which position the syntax breaks.',
  },
  unsafe_json: {
    status: 400,
    title: 'The body is JSON that readers may understand differently',
    meaning:
      'Duplicate member names, a member named __proto__, unpaired surrogates, NUL characters, or nesting or a number of values beyond the limit (compare I-JSON, RFC 7493).',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key is needed',
    meaning: 'Send Authorization: Bearer <key>. The key is missing, malformed or not known.',
  },
  forbidden: {
    status: 403,
    title: 'The role of this key does not allow that',
    meaning: 'The detail names the role that is needed: viewer < operator < admin.',
  },
  route_not_found: {
    status: 404,
    title: 'There is nothing at this path',
    meaning: 'See /docs for the paths that exist; they have no trailing slash.',
  },
  node_not_found: {
    status: 404,
    title: 'No such node',
    meaning: 'The node is not registered. An agent that gets this registers again.',
  },
  workload_not_found: {
    status: 404,
    title: 'No such workload',
    meaning: 'No workload has this id.',
  },
  budget_not_found: { status: 404, title: 'No such budget', meaning: 'No budget has this id.' },
  shadow_not_found: {
    status: 404,
    title: 'The policy has no shadow',
    meaning: 'Put one first: PUT /v1/policies/{id}/shadow.',
  },
  policy_version_not_found: {
    status: 404,
    title: 'No such version of the policy',
    meaning: 'Only the newest versions before the one in force are kept; the detail names them.',
  },
  policy_not_found: { status: 404, title: 'No such policy', meaning: 'No policy has this id.' },
  decision_not_found: {
    status: 404,
    title: 'No such decision',
    meaning: 'No decision with this id is in the decision store; one made a moment ago may follow.',
  },
  member_not_found: {
    status: 404,
    title: 'No such member',
    meaning: 'No member of the cluster has this id; GET /v1/members lists those that do.',
  },
  election_not_found: {
    status: 404,
    title: 'No such election',
    meaning: 'No election with this id is remembered; only the latest are.',
  },
  slo_not_found: {
    status: 404,
    title: 'No such SLO',
    meaning: 'No service level objective has this id; GET /v1/slos lists those that there are.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The path does not know this method',
    meaning: 'The Allow header lists the methods that it knows.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    meaning: 'Headers and body have to arrive within the server’s limits.',
  },
  workload_unknown: {
    status: 409,
    title: 'The policy names a workload that does not exist',
    meaning: 'Create the workload first.',
  },
  workload_without_policy: {
    status: 409,
    title: 'The workload has no policy',
    meaning:
      'Nothing decides for it, so a number set by hand would not be acted on. Put a policy first.',
  },
  shadow_of_another_workload: {
    status: 409,
    title: 'The shadow names another workload than its policy',
    meaning: 'A shadow is for the workload of the policy in force.',
  },
  budget_unknown: {
    status: 409,
    title: 'The policy shares a budget that does not exist',
    meaning: 'Create the budget first: PUT /v1/budgets/{id}.',
  },
  budget_in_use: {
    status: 409,
    title: 'Policies share the budget',
    meaning: 'The detail names them. Take it out of them first.',
  },
  workload_has_policy: {
    status: 409,
    title: 'The workload still has a policy',
    meaning: 'Remove its policy first.',
  },
  workload_already_has_policy: {
    status: 409,
    title: 'The workload already has another policy',
    meaning: 'A workload has at most one policy: change that one, or remove it first.',
  },
  member_exists: {
    status: 409,
    title: 'The cluster has a member with this id already',
    meaning: 'Choose another id, or remove that member first.',
  },
  member_unknown: {
    status: 409,
    title: 'The request names a member that does not exist',
    meaning: 'GET /v1/members lists the members.',
  },
  not_a_learner: {
    status: 409,
    title: 'The member is no learner',
    meaning: 'Only a learner can be promoted; the member may be a voter already.',
  },
  learner_lags: {
    status: 409,
    title: 'The learner has not caught up',
    meaning:
      'A voter that lags would hold up every commit. Promote it when `lagEntries` of GET /v1/members/{id} is near 0.',
  },
  no_voter_left: {
    status: 409,
    title: 'The cluster would have no voter left',
    meaning: 'Without a voter nothing can be committed again. Promote another member first.',
  },
  nothing_to_change: {
    status: 409,
    title: 'The change would change nothing',
    meaning: 'The cluster is as it was asked for already.',
  },
  not_a_voter: {
    status: 409,
    title: 'The member is no voter',
    meaning: 'Only a voter can lead. Promote the learner first.',
  },
  already_leader: {
    status: 409,
    title: 'The member leads already',
    meaning: 'Name another voter, or none, and the leader chooses.',
  },
  format_not_read: {
    status: 409,
    title: 'Not every member is known to read what this puts into the log',
    meaning:
      'A member of an older version would stop before it, and most of them together would leave the cluster without a quorum. The detail names who is older and who was not heard of since the leader started; `formatMax` of GET /v1/members shows it. Nothing was applied. Upgrade those members first, or remove them, and repeat.',
  },
  version_conflict: {
    status: 412,
    title: 'The version is not the expected one',
    meaning: 'Somebody else changed or removed it. Read it again, and decide again.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    meaning: 'The detail names the limit in bytes. The body was not read.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body must be application/json',
    meaning: 'Send Content-Type: application/json, as UTF-8.',
  },
  unsupported_encoding: {
    status: 415,
    title: 'The body must not be compressed',
    meaning: 'Send no Content-Encoding, or identity.',
  },
  misdirected_request: {
    status: 421,
    title: 'The Host header does not name this server',
    meaning:
      'Without API keys the server answers on loopback names only, so that a web page cannot reach it through DNS rebinding.',
  },
  invalid_document: {
    status: 422,
    title: 'The document is wrong',
    meaning: 'Every fault is listed in `errors` with a JSON Pointer. Nothing was applied.',
  },
  policy_query_rejected: {
    status: 422,
    title: 'The metrics source refuses a query of the policy',
    meaning:
      'Each is listed in `errors` with what the source said. Nothing was saved. Mend the query, or send force=true to save it all the same.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for another body',
    meaning: 'A key stands for one request; send a new one with a new body.',
  },
  headers_too_large: {
    status: 431,
    title: 'The request line and headers are too large',
    meaning: 'Together they may have 16 KiB.',
  },
  internal_error: {
    status: 500,
    title: 'A bug in the control plane',
    meaning: 'Nothing that a client can correct. The log has the trace id and the cause.',
  },
  overloaded: {
    status: 503,
    title: 'More requests wait than the limit allows',
    meaning: 'Nothing was applied. Repeat after Retry-After.',
    retryAfterS: 1,
  },
  not_leader: {
    status: 503,
    title: 'This member does not lead',
    meaning: 'Nothing was applied. The detail names the leader when it is known.',
    retryAfterS: 1,
  },
  no_leader: {
    status: 503,
    title: 'No leader can be reached',
    meaning:
      'An election is under way, or a majority of the members is away, or the member that was asked is not a member of the cluster, or not any more: then ask another. Nothing was applied. Reads are to be had with consistency=stale meanwhile.',
    retryAfterS: 1,
  },
  transferring: {
    status: 503,
    title: 'Leadership is being handed over',
    meaning: 'Nothing was applied. Repeat after Retry-After.',
    retryAfterS: 1,
  },
  change_under_way: {
    status: 503,
    title: 'Another change of the members is not finished',
    meaning:
      'One change is made at a time, and none before a new leader has committed its first entry. Nothing was applied. Repeat after Retry-After.',
    retryAfterS: 1,
  },
  storage_failed: {
    status: 503,
    title: 'The log cannot be written',
    meaning: 'The disk of this member is full or failing; an operator has to act.',
    retryAfterS: 30,
  },
  commit_unknown: {
    status: 503,
    title: 'The change was not confirmed in time',
    meaning:
      'It may or may not be applied. Repeat the request with the same Idempotency-Key, which applies it at most once.',
    retryAfterS: 1,
  },
  targets_unknown: {
    status: 503,
    title: 'The scrape targets are not known yet',
    meaning:
      'This member has just begun to lead, or cannot reach what runs the replicas. Keep the list that you have; repeat after Retry-After.',
    retryAfterS: 1,
  },
  decision_store_unavailable: {
    status: 503,
    title: 'The decision store does not answer',
    meaning: 'Decisions go on and are kept; only reading them has to wait.',
    retryAfterS: 5,
  },
  alert_store_full: {
    status: 503,
    title: 'Too many alerts wait for the database',
    meaning: 'Nothing of the message was kept. Send it again after Retry-After.',
    retryAfterS: 10,
  },
  alert_store_unavailable: {
    status: 503,
    title: 'The alert store does not answer',
    meaning:
      'The database of this member is away, or its disk fails. What was taken earlier is kept; send or ask again after Retry-After.',
    retryAfterS: 5,
  },
  backtest_busy: {
    status: 503,
    title: 'Another backtest runs on this member',
    meaning: 'Nothing was run. Ask another member, or repeat after Retry-After.',
    retryAfterS: 10,
  },
  backtest_source_failed: {
    status: 503,
    title: 'The history of the backtest could not be read',
    meaning: 'The detail says what the metrics source answered. Nothing was run.',
    retryAfterS: 10,
  },
  backtest_too_large: {
    status: 503,
    title: 'The backtest took more memory than it may',
    meaning: 'Take longer steps, a shorter range or fewer policies.',
    retryAfterS: 10,
  },
  backtest_too_long: {
    status: 503,
    title: 'The backtest took longer than it may',
    meaning:
      'Take longer steps, a shorter range or fewer policies; `npm run backtest` has no such limit.',
    retryAfterS: 10,
  },
  metrics_unavailable: {
    status: 503,
    title: 'The metrics could not be rendered in time',
    meaning: 'The process is short of CPU; the next scrape will tell.',
    retryAfterS: 5,
  },
} as const satisfies Record<string, Entry>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS).filter(isProblemCode);

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

export function problemEntry(code: ProblemCode): Entry {
  return PROBLEMS[code];
}

/** The problem's `type`: stable, and no promise about any host. /docs has a heading for each. */
export function problemType(code: ProblemCode): string {
  return `urn:omnimind:problem:${code}`;
}

/** Where in a request a fault lies. */
export const FAULT_PLACES = ['path', 'query', 'header', 'body'] as const;

export interface RequestFault {
  readonly in: (typeof FAULT_PLACES)[number];
  /** JSON Pointer (RFC 6901) into the body; `/name` of a parameter or header elsewhere. */
  readonly pointer: string;
  readonly message: string;
}

interface RefusalDetails {
  readonly faults?: readonly RequestFault[];
  /** Further response headers, e.g. Allow. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A refusal on its way to the client. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly code: ProblemCode;
  readonly faults: readonly RequestFault[];
  readonly headers: Readonly<Record<string, string>>;

  /** `detail` is public: one sentence about this occurrence. */
  constructor(code: ProblemCode, detail: string, details: RefusalDetails = {}) {
    super(detail, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.faults = details.faults ?? [];
    this.headers = details.headers ?? {};
  }

  /** The same refusal with more headers. */
  withHeaders(headers: Readonly<Record<string, string>>): HttpRefusal {
    const { code, message, faults, cause } = this;
    return new HttpRefusal(code, message, {
      faults,
      cause,
      headers: { ...this.headers, ...headers },
    });
  }
}
