/**
 * What the core wants on disk, in its order: bytes of arriving snapshots, and changes of the log.
 * Changes that wait while the disk is at work go to it together. After the first failure nothing more
 * is done and nothing more is said to be durable.
 */

import type { LogChange } from '../../model/log-entry.ts';
import type { RaftLog } from '../../ports/raft-log.ts';
import type { StagedChunk } from '../../raft/ready.ts';

export interface DiskQueueOptions {
  readonly log: RaftLog;
  readonly changesMax: number;
  readonly bytesMax: number;
  readonly monotonicMs: () => number;
  /** All changes up to this sequence are durable. */
  onDurable(sequence: number): void;
  onAppendLatency(seconds: number): void;
  onFailed(cause: unknown): void;
}

/** The snapshot that was installed last, as its bytes are on disk. */
export interface InstalledSnapshot {
  readonly index: number;
  readonly payload: Uint8Array;
}

interface QueuedChange {
  readonly change: LogChange;
  readonly queuedAtMs: number;
}

type Work =
  | { readonly kind: 'stage'; readonly chunk: StagedChunk }
  | { readonly kind: 'persist'; readonly changes: readonly QueuedChange[] };

export class DiskQueue {
  readonly #options: DiskQueueOptions;
  #queue: (StagedChunk | QueuedChange)[] = [];
  #working: Promise<void> | null = null;
  #failed = false;
  #installed: InstalledSnapshot | null = null;

  constructor(options: DiskQueueOptions) {
    this.#options = options;
  }

  /**
   * In the order in which they are to be done. Bytes of the snapshot that one of the changes installs
   * come before the changes; bytes of another one begin a snapshot anew, and must not spoil that.
   */
  add(staged: readonly StagedChunk[], changes: readonly LogChange[]): void {
    if (this.#failed || (staged.length === 0 && changes.length === 0)) return;
    const installs = changes.findLast(({ snapshot }) => snapshot !== null)?.snapshot?.index ?? null;
    const belongs = ({ index }: StagedChunk): boolean => installs === null || index === installs;
    const queuedAtMs = this.#options.monotonicMs();
    this.#queue.push(...staged.filter(belongs));
    for (const change of changes) this.#queue.push({ change, queuedAtMs });
    this.#queue.push(...staged.filter((chunk) => !belongs(chunk)));
    this.#working ??= this.#work();
  }

  /** The installed snapshot of that index; forgotten once it was taken. */
  takeInstalled(index: number): Uint8Array | null {
    const installed = this.#installed;
    this.#installed = null;
    return installed?.index === index ? installed.payload : null;
  }

  /** Nothing that is queued is begun any more. */
  drop(): void {
    this.#failed = true;
    this.#queue = [];
  }

  /** Resolves when the disk is at rest. */
  async idle(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  async #work(): Promise<void> {
    try {
      for (let work = this.#take(); work !== null; work = this.#take()) {
        if (work.kind === 'stage') {
          const { index, offset, bytes } = work.chunk;
          await this.#options.log.stageSnapshot(index, offset, bytes);
        } else {
          await this.#persist(work.changes);
        }
      }
    } catch (cause) {
      this.drop();
      this.#options.onFailed(cause);
    } finally {
      this.#working = null;
    }
  }

  /** The next piece of work: one chunk, or as many changes as may go together. */
  #take(): Work | null {
    const first = this.#queue[0];
    if (first === undefined) return null;
    if (!('change' in first)) {
      this.#queue.shift();
      return { kind: 'stage', chunk: first };
    }
    const changes: QueuedChange[] = [];
    let bytes = 0;
    for (const next of this.#queue) {
      if (!('change' in next) || changes.length >= this.#options.changesMax) break;
      bytes += bytesOf(next.change);
      if (bytes > this.#options.bytesMax && changes.length > 0) break;
      changes.push(next);
      // What was installed is read back before anything can take its place.
      if (next.change.snapshot !== null) break;
    }
    this.#queue = this.#queue.slice(changes.length);
    return { kind: 'persist', changes };
  }

  async #persist(changes: readonly QueuedChange[]): Promise<void> {
    const { log, monotonicMs } = this.#options;
    await log.persist(changes.map(({ change }) => change));
    const last = changes.at(-1)?.change;
    if (last === undefined) return;
    if (last.snapshot !== null) {
      const payload = await log.readSnapshot();
      if (payload === null) throw new Error(`snapshot ${last.snapshot.index} is not on disk`);
      this.#installed = { index: last.snapshot.index, payload };
    }
    if (this.#failed) return;
    const nowMs = monotonicMs();
    for (const { change, queuedAtMs } of changes) {
      if (change.entries.length > 0) this.#options.onAppendLatency((nowMs - queuedAtMs) / 1_000);
    }
    this.#options.onDurable(last.sequence);
  }
}

function bytesOf(change: LogChange): number {
  return change.entries.reduce((sum, { payload }) => sum + payload.length, 0);
}
