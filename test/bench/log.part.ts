/**
 * What a Raft member's log costs, apart from everything above it: appends of 256-byte entries by how
 * many share a sync, votes, a large snapshot saved beside appends, and opening. It compares with
 * nothing.
 */

import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import type { LogChange } from '../../control-plane/model/log-entry.ts';
import { CONFIGURATION, append, entry, vote } from '../support/log-raft.ts';

const PAYLOAD = Buffer.alloc(256, 'a command of 256 bytes; ');
const BATCHES = [1, 16, 64, 256] as const;
const SNAPSHOT_BYTES = 64 * 1024 * 1024;

export type Figures = Readonly<Record<string, number>>;
export type Report = (figure: string, values: Figures) => void;
export type Quantile = (values: readonly number[], share: number) => number;

export async function measureAppends(
  directory: string,
  forMs: number,
  report: Report,
  quantile: Quantile,
): Promise<void> {
  const fsyncsMs: number[] = [];
  const onFsync = (seconds: number): void => {
    fsyncsMs.push(seconds * 1_000);
  };
  const log = await openRaftLog({ directory, memberId: 'bench', onFsync });
  await log.persist([vote(1)]);
  let next = 1;
  for (const batch of BATCHES) {
    fsyncsMs.length = 0;
    const persistsMs: number[] = [];
    const first = next;
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    while (performance.now() - startedAt < forMs) {
      // As many changes as entries: each came from a message of its own.
      const changes: LogChange[] = [];
      for (let at = 0; at < batch; at += 1) changes.push(append(entryOf(next + at)));
      next += batch;
      const persistedAt = performance.now();
      await log.persist(changes);
      persistsMs.push(performance.now() - persistedAt);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    report('raft_log_append', {
      entries_per_persist: batch,
      entries_per_second: Math.round(((next - first) * 1_000) / (performance.now() - startedAt)),
      persist_p50_ms: quantile(persistsMs, 0.5),
      persist_p99_ms: quantile(persistsMs, 0.99),
      fsync_p50_ms: quantile(fsyncsMs, 0.5),
      fsync_p99_ms: quantile(fsyncsMs, 0.99),
      wall_us_per_entry: quantile(
        persistsMs.map((ms) => (ms * 1_000) / batch),
        0.5,
      ),
      cpu_user_us_per_entry: user / (next - first),
      cpu_system_us_per_entry: system / (next - first),
    });
  }
  await log.close();
  const startedAt = performance.now();
  const again = await openRaftLog({ directory, memberId: 'bench' });
  const milliseconds = performance.now() - startedAt;
  report('raft_log_open', {
    entries: again.recovered.entries.length,
    bytes: again.bytes,
    milliseconds,
  });
  await again.close();
}

export async function measureVotes(
  directory: string,
  forMs: number,
  report: Report,
  quantile: Quantile,
): Promise<void> {
  const log = await openRaftLog({ directory, memberId: 'bench' });
  await log.persist([vote(1)]);
  const votesMs: number[] = [];
  const startedAt = performance.now();
  for (let term = 2; performance.now() - startedAt < forMs; term += 1) {
    const votedAt = performance.now();
    await log.persist([vote(term, 'bench')]);
    votesMs.push(performance.now() - votedAt);
  }
  report('raft_log_vote', {
    votes: votesMs.length,
    p50_ms: quantile(votesMs, 0.5),
    p99_ms: quantile(votesMs, 0.99),
  });
  await log.close();
}

/** A snapshot beside appends: how long either takes, and how long the event loop stands still. */
export async function measureSnapshot(
  directory: string,
  report: Report,
  quantile: Quantile,
): Promise<void> {
  const log = await openRaftLog({ directory, memberId: 'bench' });
  await log.persist([vote(1), append(entryOf(1))]);
  const persistsMs: number[] = [];
  let longestTurnMs = 0;
  let turnAt = performance.now();
  const beat = setInterval(() => {
    longestTurnMs = Math.max(longestTurnMs, performance.now() - turnAt);
    turnAt = performance.now();
  }, 1);
  const startedAt = performance.now();
  const place = { index: 1, term: 1, configuration: CONFIGURATION };
  const saving = log.saveSnapshot(place, pieces(), 0);
  for (let index = 2; log.snapshotBytes === 0; index += 1) {
    const persistedAt = performance.now();
    await log.persist([append(entryOf(index))]);
    persistsMs.push(performance.now() - persistedAt);
  }
  await saving;
  clearInterval(beat);
  report('raft_log_snapshot', {
    bytes: log.snapshotBytes,
    milliseconds: performance.now() - startedAt,
    longest_turn_ms: longestTurnMs,
    append_beside_p50_ms: quantile(persistsMs, 0.5),
    append_beside_p99_ms: quantile(persistsMs, 0.99),
  });
  await log.close();
}

function* pieces(): Generator<Uint8Array> {
  const piece = Buffer.alloc(1024 * 1024, PAYLOAD);
  for (let at = 0; at < SNAPSHOT_BYTES; at += piece.length) yield piece;
}

function entryOf(index: number) {
  return { ...entry(index, 1, ''), payload: PAYLOAD };
}
