import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LogChange, LogEntry } from '../../../../control-plane/model/log-entry.ts';
import type { RaftMessage } from '../../../../control-plane/model/raft-message.ts';
import { Outbox } from '../../../../control-plane/raft/outbox.ts';
import { entriesOf } from '../../../support/raft-core.ts';

function acknowledgement(matchIndex: number, previousIndex = 0): RaftMessage {
  const head = { from: 'a', to: 'b', term: 1, kind: 'append_reply' } as const;
  return { ...head, matchIndex, previousIndex, hintIndex: 0, hintTerm: 0 };
}

function vote(to: string): RaftMessage {
  return { from: 'a', to, term: 1, kind: 'vote_reply', reason: 'granted' };
}

describe('Outbox', () => {
  it('sends at once what claims nothing, also while a change is under way', () => {
    const outbox = new Outbox(0);
    outbox.append(entriesOf(1, [1]));
    outbox.takeChange(0, 1);
    outbox.send(vote('b'));
    assert.deepEqual(outbox.takeMessages(), [vote('b')]);
    assert.deepEqual(outbox.takeMessages(), []);
  });

  it('figure 2: tells a claim once everything decided before it is durable, not earlier', () => {
    const outbox = new Outbox(0);
    outbox.append(entriesOf(1, [1]));
    outbox.takeChange(0, 1);
    outbox.append(entriesOf(2, [1]));
    outbox.sendWhenDurable(acknowledgement(2));
    outbox.takeChange(0, 2);
    outbox.persisted(1);
    assert.equal(outbox.persistedIndex, 1);
    assert.deepEqual(outbox.takeMessages(), []);
    outbox.persisted(2);
    assert.equal(outbox.persistedIndex, 2);
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(2)]);
  });

  it('tells a claim at once when nothing waits for the disk', () => {
    const outbox = new Outbox(3);
    outbox.sendWhenDurable(acknowledgement(3));
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(3)]);
  });

  it('tells a claim at once when all that was handed over is durable, and waits for what comes after', () => {
    const outbox = new Outbox(0);
    outbox.append(entriesOf(1, [1]));
    outbox.takeChange(0, 1);
    // Nobody can say that more is durable than was handed over.
    outbox.persisted(9);
    outbox.sendWhenDurable(acknowledgement(1));
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(1)]);
    outbox.append(entriesOf(2, [1]));
    outbox.sendWhenDurable(acknowledgement(2));
    outbox.takeChange(0, 2);
    assert.deepEqual(outbox.takeMessages(), []);
    outbox.persisted(2);
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(2)]);
  });

  it('claims that wait leave in the order in which they were made', () => {
    const outbox = new Outbox(0);
    for (const index of [1, 2, 3]) {
      outbox.append(entriesOf(index, [1]));
      outbox.sendWhenDurable(acknowledgement(index));
      outbox.takeChange(0, index);
    }
    outbox.persisted(2);
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(1), acknowledgement(2)]);
    outbox.persisted(3);
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(3)]);
  });

  it('puts hard state, truncation and entries of one turn into one change', () => {
    const outbox = new Outbox(5);
    outbox.saveHardState({ term: 2, votedFor: null });
    outbox.truncateFrom(4);
    outbox.append(entriesOf(4, [2, 2]));
    outbox.saveHardState({ term: 2, votedFor: 'b' });
    assert.equal(outbox.hasChange, true);
    assert.deepEqual(outbox.takeChange(0, 5), {
      sequence: 1,
      hardState: { term: 2, votedFor: 'b' },
      snapshot: null,
      truncateFrom: 4,
      entries: entriesOf(4, [2, 2]),
    });
    assert.equal(outbox.hasChange, false);
    assert.equal(outbox.takeChange(0, 5), null);
  });

  it('writes no entry that was truncated before it was handed over', () => {
    const outbox = new Outbox(1);
    outbox.append(entriesOf(2, [1, 1, 1]));
    outbox.truncateFrom(3);
    outbox.append(entriesOf(3, [2]));
    const change = outbox.takeChange(0, 3);
    assert.deepEqual(
      change?.entries.map(({ index, term }) => [index, term]),
      [
        [2, 1],
        [3, 2],
      ],
    );
  });

  it('does not take for durable what a later change truncates', () => {
    const outbox = new Outbox(0);
    outbox.append(entriesOf(1, [1, 1, 1]));
    outbox.takeChange(0, 3);
    outbox.truncateFrom(2);
    outbox.append(entriesOf(2, [2]));
    outbox.takeChange(0, 2);
    outbox.persisted(1);
    assert.equal(outbox.persistedIndex, 1);
    outbox.persisted(2);
    assert.equal(outbox.persistedIndex, 2);
  });

  it('drops an acknowledgement whose entries were truncated, and keeps one below', () => {
    const outbox = new Outbox(0);
    outbox.append(entriesOf(1, [1, 1, 1]));
    outbox.sendWhenDurable(acknowledgement(1));
    outbox.sendWhenDurable(acknowledgement(3));
    outbox.takeChange(0, 3);
    outbox.truncateFrom(3);
    outbox.takeChange(0, 2);
    outbox.persisted(2);
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(1)]);
  });

  it('5.1: drops acknowledgements of a term that is over, and no vote', () => {
    const outbox = new Outbox(0);
    outbox.append(entriesOf(1, [1]));
    outbox.sendWhenDurable(acknowledgement(1));
    outbox.sendWhenDurable(vote('c'));
    outbox.takeChange(0, 1);
    outbox.saveHardState({ term: 2, votedFor: null });
    outbox.takeChange(0, 1);
    outbox.persisted(2);
    assert.deepEqual(outbox.takeMessages(), [vote('c')]);
  });

  it('7: takes nothing of the log for durable until an installed snapshot is', () => {
    const outbox = new Outbox(4);
    const place = { index: 9, term: 3, configuration: null };
    outbox.append(entriesOf(5, [1]));
    outbox.takeChange(0, 5);
    outbox.install(place);
    assert.equal(outbox.persistedIndex, 0);
    outbox.sendWhenDurable(acknowledgement(9));
    assert.deepEqual(outbox.takeChange(0, 9)?.snapshot, place);
    assert.equal(outbox.persisted(1), null);
    assert.equal(outbox.persistedIndex, 0);
    assert.equal(outbox.persisted(2), place);
    assert.equal(outbox.persistedIndex, 9);
    assert.deepEqual(outbox.takeMessages(), [acknowledgement(9)]);
  });

  it('tells since when the oldest change waits', () => {
    const outbox = new Outbox(0);
    assert.equal(outbox.waitingSinceMs, null);
    outbox.append(entriesOf(1, [1]));
    assert.equal(outbox.waitingSinceMs, null);
    outbox.takeChange(50, 1);
    outbox.append(entriesOf(2, [1]));
    outbox.takeChange(70, 2);
    assert.equal(outbox.waitingSinceMs, 50);
    outbox.persisted(1);
    assert.equal(outbox.waitingSinceMs, 70);
    outbox.persisted(2);
    assert.equal(outbox.waitingSinceMs, null);
  });

  it('names the sequence that covers all that was decided', () => {
    const outbox = new Outbox(0);
    assert.equal(outbox.sequence, 0);
    outbox.append(entriesOf(1, [1]));
    assert.equal(outbox.sequence, 1);
    outbox.takeChange(0, 1);
    assert.equal(outbox.sequence, 1);
    outbox.truncateFrom(1);
    assert.equal(outbox.sequence, 2);
  });

  it('figure 2: whatever is appended, truncated, installed and synced, claims are true when they leave', () => {
    fc.assert(fc.property(fc.array(STEPS, { maxLength: 40 }), playSteps), { numRuns: 300 });
  });
});

const share = fc.double({ min: 0, max: 1, noNaN: true });
const STEPS = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('truncate' as const), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('install' as const), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('term' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), share }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('sync' as const), share }) },
);
type Step = typeof STEPS extends fc.Arbitrary<infer Value> ? Value : never;

/** A log as it is held somewhere. */
class Held {
  base = 0;
  entries: LogEntry[] = [];

  get lastIndex(): number {
    return this.base + this.entries.length;
  }

  install(index: number): void {
    this.base = index;
    this.entries = [];
  }

  truncateFrom(index: number): void {
    this.entries = this.entries.filter((entry) => entry.index < index);
  }

  do({ snapshot, truncateFrom, entries }: LogChange): void {
    if (snapshot !== null) this.install(snapshot.index);
    if (truncateFrom !== null) this.truncateFrom(truncateFrom);
    for (const entry of entries) {
      assert.equal(entry.index, this.lastIndex + 1);
      this.entries.push(entry);
    }
  }

  /** Whether this has everything up to the index as the other has it. */
  agrees(other: Held, index: number): boolean {
    if (index > this.lastIndex || this.base !== other.base) return false;
    const upTo = (held: Held): readonly LogEntry[] =>
      held.entries.filter((one) => one.index <= index);
    return upTo(this).every((entry, at) => entry === upTo(other)[at]);
  }
}

/** Plays an outbox against a log in memory and a disk, and holds every claim against the disk. */
class Model {
  readonly outbox = new Outbox(0);
  readonly memory = new Held();
  readonly disk = new Held();
  readonly #waiting: LogChange[] = [];
  #term = 1;
  #claims = 0;
  #lastTold = 0;

  play(step: Step): void {
    const { outbox, memory } = this;
    const inside = (part: number): number =>
      memory.base + 1 + Math.round(part * (memory.lastIndex - memory.base));
    switch (step.kind) {
      case 'append': {
        // Every entry is another object: what was overwritten is never mistaken for what overwrote it.
        const entries = entriesOf(memory.lastIndex + 1, Array<number>(step.count).fill(this.#term));
        memory.entries.push(...entries);
        outbox.append(entries);
        break;
      }
      case 'truncate': {
        const index = inside(step.share);
        memory.truncateFrom(index);
        outbox.truncateFrom(index);
        break;
      }
      case 'install': {
        const index = inside(step.share) + 1;
        memory.install(index);
        outbox.install({ index, term: this.#term, configuration: null });
        break;
      }
      case 'term':
        this.#term += 1;
        outbox.saveHardState({ term: this.#term, votedFor: null });
        break;
      case 'claim':
        this.#claims += 1;
        outbox.sendWhenDurable(acknowledgement(inside(step.share) - 1, this.#claims));
        break;
      case 'take': {
        const change = outbox.takeChange(0, memory.lastIndex);
        if (change !== null) this.#waiting.push(change);
        break;
      }
      case 'sync':
        this.#sync(Math.ceil(step.share * this.#waiting.length));
        break;
    }
    this.#check();
  }

  #sync(count: number): void {
    const done = this.#waiting.splice(0, count);
    for (const change of done) this.disk.do(change);
    const last = done.at(-1);
    if (last !== undefined) this.outbox.persisted(last.sequence);
  }

  #check(): void {
    const { persistedIndex } = this.outbox;
    if (persistedIndex > 0) {
      assert(this.disk.agrees(this.memory, persistedIndex), `${persistedIndex} is not on the disk`);
    }
    for (const message of this.outbox.takeMessages()) {
      assert(message.kind === 'append_reply' && message.matchIndex !== null);
      assert(message.previousIndex > this.#lastTold, 'a claim overtakes an earlier one');
      this.#lastTold = message.previousIndex;
      if (message.matchIndex <= this.memory.base && this.disk.base === this.memory.base) continue;
      assert(
        this.disk.agrees(this.memory, message.matchIndex),
        `${message.matchIndex} was claimed`,
      );
    }
  }
}

function playSteps(steps: readonly Step[]): void {
  const model = new Model();
  for (const step of steps) model.play(step);
  // In the end everything can become durable, and then it is known to be.
  model.play({ kind: 'take' });
  model.play({ kind: 'sync', share: 1 });
  assert.equal(model.outbox.persistedIndex, model.memory.lastIndex);
  assert.equal(model.disk.lastIndex, model.memory.lastIndex);
}
