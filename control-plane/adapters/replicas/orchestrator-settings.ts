/** What bounds every target that tells an orchestrator, and what each of them tells of its doings. */

export interface OrchestratorLimits {
  /** Deadline of one call, in ms. */
  readonly callTimeoutMs: number;
  /** Calls at once; those that are held open for what is to come are not counted. */
  readonly callsMax: number;
  /** What was not confirmed for longer is not believed, in ms: it is asked for instead. */
  readonly trustMs: number;
  /** First and longest wait before a watch that failed is opened again, in ms; it doubles. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Watches of replicas at once, one per workload; those of further ones are asked for per look. */
  readonly watchesMax: number;
  /** A watch that nobody looked at that long is closed, in ms. */
  readonly idleMs: number;
  /** Times that a write which met another's is judged anew before it is given up. */
  readonly attemptsMax: number;
  /** Items of a whole list. */
  readonly itemsMax: number;
  /** Of one answer, and of one event of a watch. */
  readonly answerBytesMax: number;
  /** Most replicas that a workload may be told. */
  readonly replicasMax: number;
  /** Commands of one workload that wait for their turn. */
  readonly waitingMax: number;
}

export const ORCHESTRATOR_LIMITS: OrchestratorLimits = {
  callTimeoutMs: 10_000,
  callsMax: 16,
  trustMs: 30_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  watchesMax: 512,
  idleMs: 300_000,
  attemptsMax: 10,
  itemsMax: 20_000,
  answerBytesMax: 32 * 1_048_576,
  replicasMax: 10_000,
  waitingMax: 64,
};

interface PlaceEvent {
  readonly workloadId: string;
  /** e.g. `Deployment serving/llama`. */
  readonly object: string;
}

interface NumberEvent extends PlaceEvent {
  /** What the place had. */
  readonly found: number;
  readonly replicas: number;
}

/** The place has been told the number. */
export interface Scaled extends NumberEvent {
  readonly kind: 'scaled';
}

/** Somebody else changed the number; what the state wants is written again. */
export interface Overwritten extends NumberEvent {
  readonly kind: 'overwritten';
}

/** The workload is no longer this plane's; its replicas run on as they are. */
export interface Released extends PlaceEvent {
  readonly kind: 'released';
}

/** A watch failed or fell silent; it is opened again after `retryInMs`. */
export interface WatchTrouble {
  readonly kind: 'trouble';
  readonly workloadId: string | null;
  readonly error: unknown;
  readonly retryInMs: number;
}
