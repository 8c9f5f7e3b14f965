/**
 * The history of what clients asked for and were told, held against linearizability as it grows. It is
 * linear in its length because a write says its position among the writes of its key, and a read the
 * position that it saw: the order is given, and all that is left is that it agrees with real time.
 * Writes whose outcome is unknown stay open; they must only not come before what was over when they
 * were asked for.
 */

import type { Reading } from './machine.ts';
import { NO_MARK } from './machine.ts';
import { Violation } from './violation.ts';
import type { CheckCounts } from './violation.ts';
import type { CommittedLog } from './watch/committed-log.ts';

export interface Operation {
  readonly kind: 'write' | 'read';
  readonly key: number;
  /** Of a write; unique. */
  readonly value: number;
  /** The last position of the key that anybody had been told of when this was asked for. */
  readonly floor: number;
  readonly askedAtMs: number;
}

export class History {
  readonly #committed: CommittedLog;
  readonly #checks: CheckCounts;
  /** By key: the last position that anybody was told of. */
  readonly #told: number[] = [];
  readonly #writes = new Map<number, Operation>();

  constructor(committed: CommittedLog, checks: CheckCounts) {
    this.#committed = committed;
    this.#checks = checks;
    committed.onWrite = (value, position) => {
      this.#placed(value, position);
    };
  }

  askWrite(key: number, value: number, askedAtMs: number): Operation {
    const operation = this.#ask('write', key, value, askedAtMs);
    this.#writes.set(value, operation);
    return operation;
  }

  askRead(key: number, askedAtMs: number): Operation {
    return this.#ask('read', key, 0, askedAtMs);
  }

  /** A client was told that its write has this position. */
  writeTold(operation: Operation, position: number): void {
    this.#checks.linearizability += 1;
    const { key, value } = operation;
    const placed = this.#committed.positionOf(value);
    if (placed !== position) {
      throw new Violation(
        'linearizability',
        `write ${value} of key ${key} was acknowledged at position ${position}, and ${placed === null ? 'is not committed' : `is at ${placed}`}`,
      );
    }
    this.#tell(operation, position);
  }

  readTold(operation: Operation, { position, mark }: Reading, how: string): void {
    this.#checks.linearizability += 1;
    const { key, floor, askedAtMs } = operation;
    const expected = position === 0 ? NO_MARK : this.#committed.readingAt(key, position)?.mark;
    if (expected !== mark) {
      throw new Violation(
        'linearizability',
        `a read (${how}) of key ${key} at ${askedAtMs.toFixed(1)} ms saw ${position} writes that are not the first ${position}`,
      );
    }
    if (position < floor) {
      throw new Violation(
        'linearizability',
        `a read (${how}) of key ${key} asked for at ${askedAtMs.toFixed(1)} ms saw ${position} writes, when ${floor} had been told of before`,
      );
    }
    this.#tell(operation, position);
  }

  #ask(kind: 'write' | 'read', key: number, value: number, askedAtMs: number): Operation {
    return { kind, key, value, floor: this.#told[key] ?? 0, askedAtMs };
  }

  #tell({ key }: Operation, position: number): void {
    this.#told[key] = Math.max(this.#told[key] ?? 0, position);
  }

  #placed(value: number, position: number): void {
    const operation = this.#writes.get(value);
    if (operation === undefined) return;
    this.#checks.linearizability += 1;
    if (position > operation.floor) return;
    throw new Violation(
      'linearizability',
      `write ${value} of key ${operation.key} got position ${position}, though ${operation.floor} was told of before it was asked for`,
    );
  }
}
