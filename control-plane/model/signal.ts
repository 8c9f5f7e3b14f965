/** What is asked of the metrics source for one signal. */

/** One PromQL expression and the age of what is under it, as in MetricSpec. */
export interface SignalQuery {
  readonly query: string;
  readonly timestampQuery: string;
}

export interface CoverageSpec {
  /** PromQL for the number of replicas that report. */
  readonly query: string;
  /** Share of the ready replicas that must report, 0 to 1. */
  readonly minimumRatio: number;
}
