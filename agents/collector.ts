/**
 * The contract of a collector: where its values come from is its own affair, when it is asked and
 * what becomes of a slow or failing one is the agent's.
 */

/** One metric family. Names are snake_case with base units, `_total` on counters only. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  /** Names of the labels, in the order in which `emit` takes their values. */
  readonly labels: readonly string[];
}

/**
 * Writes one sample. Absent is absent: a value that could not be read is not emitted, never 0.
 * NaN, infinite and (for counters) negative values are dropped by the receiver and counted.
 */
export type Emit = (family: Family, value: number, ...labelValues: readonly string[]) => void;

export interface Collector {
  /** Slug; the value of the label `collector` and of the agent's switch. */
  readonly name: string;
  readonly families: readonly Family[];
  /** Begins background work, if there is any; resolves at once and never throws for absent hardware. */
  start(): Promise<void>;
  /**
   * Emits the current values. Never spawns a process. Rejects when the source failed (what it had
   * emitted until then is discarded) and when the signal aborts, which is the deadline.
   */
  collect(emit: Emit, signal: AbortSignal): Promise<void>;
  /** Ends background work and children; resolves within a second. */
  stop(): Promise<void>;
}
