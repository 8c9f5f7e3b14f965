/** What the launcher needs to know of one process; nothing here starts it. */

export interface ProcessSpec {
  /** Names the log file and the process in messages; [a-z-]. */
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  /** Added to the launcher's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 200 once the process can serve. */
  readonly readinessUrl: string;
  /** What its death means while nobody asked for it. */
  readonly onExit: 'restart' | 'end';
  /** Stopped in rising order; equal numbers together. */
  readonly stopOrder: number;
  /** From SIGTERM until those after it are stopped as well, in ms. */
  readonly stopGraceMs: number;
}
