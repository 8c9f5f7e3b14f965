/**
 * What the log needs from a file system, and no more, so that a test can put a disk under it that
 * loses, tears and refuses. Nothing here is durable before `sync` or `writeThrough` (a file's
 * bytes) or `syncDirectory` (names in a directory) has resolved. Every call rejects with the system's error.
 */

export interface DiskFile {
  /** Writes all of the bytes at the position. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Writes all of the bytes at the position, durably: a write and a sync in one. */
  writeThrough(bytes: Uint8Array, position: number): Promise<void>;
  /** Cuts the file to the length. */
  truncate(length: number): Promise<void>;
  /** Makes bytes and length durable (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Makes the directory and its parents where they are missing; durable when it resolves. */
  makeDirectory(path: string): Promise<void>;
  /** Names in the directory, in any order. */
  list(directory: string): Promise<readonly string[]>;
  read(path: string): Promise<Uint8Array>;
  /** Up to `length` bytes; fewer only at the end of the file. */
  readRange(path: string, position: number, length: number): Promise<Uint8Array>;
  /** Makes a new file, or empties the one that is there. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file that exists for writing. */
  open(path: string): Promise<DiskFile>;
  /** Replaces `to`, at once. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the directory for this process; resolves to the function that gives it back.
   * @throws LogLockedError while another living process has it.
   */
  lock(directory: string): Promise<() => Promise<void>>;
}
