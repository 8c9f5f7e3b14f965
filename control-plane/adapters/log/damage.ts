/** What this adapter reports of a log that it will not work on. It never repairs what it cannot explain. */

/** The files are not as this program left them; a person has to look. */
export class LogDamageError extends Error {
  override readonly name = 'LogDamageError';
  readonly file: string;
  /** Byte at which the damage begins; 0 for a file that is missing or wrong as a whole. */
  readonly offset: number;

  constructor(file: string, offset: number, detail: string, options?: ErrorOptions) {
    super(`${file} is damaged at byte ${offset}: ${detail}`, options);
    this.file = file;
    this.offset = offset;
  }
}

/** Another process works on the directory. */
export class LogLockedError extends Error {
  override readonly name = 'LogLockedError';
}

/** An operation failed before; nothing is written any more until the log is opened anew. */
export class LogFailedError extends Error {
  override readonly name = 'LogFailedError';
}

/** The entries asked for have been replaced by a snapshot. */
export class LogCompactedError extends Error {
  override readonly name = 'LogCompactedError';
}
