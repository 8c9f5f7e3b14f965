/**
 * Logs as JSON lines on standard output, each with the ids of the span that it was written in. The
 * inside sees the narrow `Logger` and not pino. Secrets are cut out twice: by the names of fields,
 * and credentials in URLs and Authorization values wherever they stand in the line.
 */

import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream } from 'pino';
import { logTraceFields } from './span.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Levels that a line can have. */
export const LOGGED_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LoggedLevel = (typeof LOGGED_LEVELS)[number];

/** Fields of one line; an Error belongs under `err`, with which its stack and causes are written. */
export type LogFields = Readonly<Record<string, unknown>>;

/** ERROR means that somebody must act now; a healthy day has none. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds these fields to each line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly service: string;
  readonly version: string;
  /** Id of this member. */
  readonly member: string;
  /** Standard output when left out; written synchronously, so that a crash loses no line. */
  readonly destination?: DestinationStream;
  /** Called with each line that is written; must not throw. */
  readonly onLine?: (level: LoggedLevel) => void;
}

const SECRET_FIELDS = ['password', 'authorization', 'secret', 'apiKey', 'cookie', 'privateKey'];

const REDACTED = '[redacted]';

export function createLogger(options: LoggerOptions): Logger {
  const { level, service, version, member } = options;
  return pino(
    {
      level,
      base: { service, version, member },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: (_fields, level) => {
        options.onLine?.(levelOf(level));
        return logTraceFields();
      },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: REDACTED,
      },
      hooks: { streamWrite: withoutCredentials },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** By pino's numbers: 20, 30, 40 and 50, and 60 for `fatal`, which nobody here writes. */
function levelOf(level: number): LoggedLevel {
  if (level >= 50) return 'error';
  if (level >= 40) return 'warn';
  return level >= 30 ? 'info' : 'debug';
}

/** Cuts credentials out of a line: `scheme://user:password@` and `Bearer …` or `Basic …`. */
export function withoutCredentials(line: string): string {
  return line
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s/:@"\\]*):[^\s/@"\\]+@/gi, `$1:${REDACTED}@`)
    .replace(/\b(Bearer|Basic) [A-Za-z0-9._~+/=-]+/g, `$1 ${REDACTED}`);
}
