/**
 * Why a collector failed, as one word of a closed set: the value of the label `error`, and what a
 * person reads first. A source that knows the word says it with CollectorError; what Node throws is
 * translated by its code. The text of an error never becomes a label.
 */

export const FAILURE_CAUSES = [
  'timeout',
  'unavailable',
  'malformed',
  'permission',
  'internal',
] as const;
export type FailureCause = (typeof FAILURE_CAUSES)[number];

export class CollectorError extends Error {
  override readonly name = 'CollectorError';
  readonly kind: FailureCause;

  constructor(kind: FailureCause, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The word for anything thrown; `internal` is what is left, and means a bug. Total. */
export function failureCauseOf(error: unknown): FailureCause {
  if (typeof error !== 'object' || error === null) return 'internal';
  if ('kind' in error && isFailureCause(error.kind)) return error.kind;
  if ('code' in error && typeof error.code === 'string') {
    const cause = causesByCode[error.code];
    if (cause !== undefined) return cause;
  }
  if ('name' in error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
    return 'timeout';
  }
  return 'internal';
}

const causesByCode: Readonly<Record<string, FailureCause>> = {
  ABORT_ERR: 'timeout',
  ETIMEDOUT: 'timeout',
  EACCES: 'permission',
  EPERM: 'permission',
  ENOENT: 'unavailable',
  ENODEV: 'unavailable',
  ENXIO: 'unavailable',
  EIO: 'unavailable',
  EMFILE: 'unavailable',
  ENFILE: 'unavailable',
  ECONNREFUSED: 'unavailable',
  ECONNRESET: 'unavailable',
  EHOSTUNREACH: 'unavailable',
  ENETUNREACH: 'unavailable',
  ENOTFOUND: 'unavailable',
  EPIPE: 'unavailable',
};

function isFailureCause(value: unknown): value is FailureCause {
  return FAILURE_CAUSES.some((cause) => cause === value);
}
