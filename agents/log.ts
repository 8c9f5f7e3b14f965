/**
 * The agent's log: one line of JSON per event on stderr. By hand, because a logging library costs
 * this process more memory than everything that it would log. It writes no secrets and no text that
 * came from outside beyond the message of an error.
 */

export type LogLevel = 'info' | 'warn' | 'error';
export type Log = (
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export const logToStderr: Log = (level, event, fields = {}) => {
  const line = { time: new Date().toISOString(), level, event, ...fields };
  process.stderr.write(`${JSON.stringify(line)}\n`);
};

/** The message of anything thrown, cut to 300 characters, its causes appended. Total. */
export function messageOf(error: unknown): string {
  const own = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : '';
  return (cause === '' ? own : `${own}: ${cause}`).slice(0, 300);
}
