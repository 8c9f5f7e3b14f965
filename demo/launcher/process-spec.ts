/** What the launcher needs to know of one process; nothing here starts it. */

export interface ProcessSpec {
  /** Names the log file and the process in messages; [a-z0-9-]. */
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  /** Added to the launcher's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 200 once the process can serve; null when nobody needs to wait for it. */
  readonly readinessUrl: string | null;
  /** What its death means while nobody asked for it. */
  readonly onExit: 'restart' | 'end';
  /** Stopped in rising order; equal numbers together. */
  readonly stopOrder: number;
  /** From SIGTERM until those after it are stopped as well, in ms. */
  readonly stopGraceMs: number;
  /** Of what it starts to outlive it; null when there is nothing like that. */
  readonly mark: OutlivingMark | null;
}

/** A variable in the environment of processes that must go with the run, whoever started them. */
export interface OutlivingMark {
  readonly variable: string;
  /** Holds the value, from the moment on that there are such processes. */
  readonly file: string;
}
