/**
 * What every decision store does, whatever is behind it. Each run gets an empty store; `settle`
 * resolves when what was appended can be read.
 */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decisionIdOf } from '../../control-plane/model/decision.ts';
import type { DecisionRecord, Verdict } from '../../control-plane/model/decision.ts';
import { DecisionStoreError } from '../../control-plane/ports/decision-store.ts';
import type { DecisionFilter, DecisionStore } from '../../control-plane/ports/decision-store.ts';
import { scaleInput } from '../support/scale-input.ts';

export const EVERYTHING: DecisionFilter = {
  workloadId: null,
  policyId: null,
  verdict: null,
  direction: null,
  reason: null,
  traceId: null,
  fromMs: null,
  toMs: null,
};

/** A Tuesday in 2026, so that the ids of a test are in order and readable. */
export const START_MS = 1_790_000_000_000;

const HOLD: Verdict = { kind: 'hold', replicas: 4, reason: 'within_tolerance' };
const OUT: Verdict = { kind: 'act', direction: 'out', replicas: 6, reason: 'above_target' };
const IN: Verdict = { kind: 'act', direction: 'in', replicas: 2, reason: 'below_target' };

export function decision(atMs: number, overrides: Partial<DecisionRecord> = {}): DecisionRecord {
  const workloadId = overrides.workloadId ?? 'demo-inference';
  return {
    decisionId: decisionIdOf(atMs, workloadId),
    kind: 'scale',
    workloadId,
    policyId: 'demo-inference-load',
    policyVersion: 1,
    atMs,
    input: scaleInput({ nowMs: atMs }),
    outcome: outcomeOf(HOLD),
    traceId: '0af7651916cd43dd8448eb211c80319c',
    token: null,
    ...overrides,
  };
}

export function outcomeOf(verdict: Verdict): DecisionRecord['outcome'] {
  return { verdict, proposals: [], stages: [], recommendation: verdict.replicas };
}

export interface Subject {
  readonly store: DecisionStore;
  readonly settle: () => Promise<void>;
}

/** @param create an empty store; called once before each test */
export function decisionStoreContract(create: () => Promise<Subject>): void {
  const { signal } = new AbortController();
  let subject: Subject;
  const keep = async (records: readonly DecisionRecord[]) => {
    await subject.store.append(records);
    await subject.settle();
  };
  const list = async (filter: Partial<DecisionFilter>) => {
    const page = await subject.store.list({ ...EVERYTHING, ...filter }, 100, null, signal);
    return page.records.map(({ decisionId }) => decisionId);
  };

  beforeEach(async () => {
    subject = await create();
  });

  it('gives back a record exactly as it was, to the last digit and in the order of its keys', async () => {
    const odd = decision(START_MS, {
      input: scaleInput({
        observations: [
          {
            kind: 'sample',
            metric: 'load',
            value: 0.1 + 0.2,
            sampledAtMs: 5e-324,
            reporting: null,
          },
          {
            kind: 'failed',
            metric: 'b',
            reason: 'signal_malformed',
            detail: '<html>"\\\n\u0000\u2028😀',
          },
        ],
      }),
      token: { term: 3, index: 9_007_199_254_740_991 },
    });
    await keep([odd]);
    const found = await subject.store.read(odd.decisionId, signal);
    assert.equal(JSON.stringify(found), JSON.stringify(odd));
  });

  it('gives back any numbers and texts', async () => {
    let next = START_MS;
    await fc.assert(
      fc.asyncProperty(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.string({ unit: 'binary' }),
        async (value, detail) => {
          next += 1;
          const record = decision(next, {
            input: scaleInput({
              observations: [
                { kind: 'sample', metric: 'm', value, sampledAtMs: null, reporting: 1 },
                { kind: 'failed', metric: 'n', reason: 'signal_absent', detail },
              ],
            }),
          });
          await keep([record]);
          const found = await subject.store.read(record.decisionId, signal);
          assert.equal(JSON.stringify(found), JSON.stringify(record));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('lists the newest first, and ids of one moment in the order of their bytes', async () => {
    const records = [
      decision(START_MS + 5, { workloadId: 'a-b' }),
      decision(START_MS + 5, { workloadId: 'a' }),
      decision(START_MS + 5, { workloadId: 'ab' }),
      decision(START_MS + 5, { workloadId: 'B' }),
      decision(START_MS + 4),
      decision(START_MS + 6),
    ];
    await keep(records);
    const expected = records
      .map(({ decisionId }) => decisionId)
      .sort()
      .reverse();
    assert.deepEqual(await list({}), expected);
  });

  it('pages through everything once, whatever is appended meanwhile', async () => {
    await keep(Array.from({ length: 7 }, (_, index) => decision(START_MS + index)));
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page = await subject.store.list(EVERYTHING, 3, after, signal);
      seen.push(...page.records.map(({ decisionId }) => decisionId));
      after = page.nextAfterId;
      await keep([decision(START_MS + 100 + seen.length)]);
    } while (after !== null);
    assert.deepEqual(
      seen,
      Array.from({ length: 7 }, (_, index) => decision(START_MS + 6 - index).decisionId),
    );
  });

  it('says that a page which holds the last record is the last', async () => {
    await keep([decision(START_MS), decision(START_MS + 1)]);
    const page = await subject.store.list(EVERYTHING, 2, null, signal);
    assert.equal(page.records.length, 2);
    assert.equal(page.nextAfterId, null);
  });

  it('filters by each field, and by all at once', async () => {
    const traceId = 'f'.repeat(32);
    const act = decision(START_MS + 1, { outcome: outcomeOf(OUT), traceId });
    const inward = decision(START_MS + 2, { outcome: outcomeOf(IN), policyId: 'other' });
    const other = decision(START_MS + 3, { workloadId: 'other' });
    await keep([act, inward, other]);
    assert.deepEqual(await list({ workloadId: 'other' }), [other.decisionId]);
    assert.deepEqual(await list({ policyId: 'other' }), [inward.decisionId]);
    assert.deepEqual(await list({ verdict: 'hold' }), [other.decisionId]);
    assert.deepEqual(await list({ verdict: 'act' }), [inward.decisionId, act.decisionId]);
    assert.deepEqual(await list({ direction: 'in' }), [inward.decisionId]);
    assert.deepEqual(await list({ reason: 'above_target' }), [act.decisionId]);
    assert.deepEqual(await list({ traceId }), [act.decisionId]);
    assert.deepEqual(await list({ verdict: 'act', direction: 'out', policyId: 'other' }), []);
    const all = {
      workloadId: 'demo-inference',
      verdict: 'act',
      direction: 'out',
      traceId,
    } as const;
    assert.deepEqual(await list({ ...all, fromMs: START_MS, toMs: START_MS + 9 }), [
      act.decisionId,
    ]);
  });

  it('takes the lower bound of time in and leaves the upper one out', async () => {
    const records = [0, 1, 2].map((index) => decision(START_MS + index));
    await keep(records);
    assert.deepEqual(await list({ fromMs: START_MS + 1, toMs: START_MS + 2 }), [
      decision(START_MS + 1).decisionId,
    ]);
    assert.deepEqual(await list({ fromMs: 0, toMs: START_MS }), []);
  });

  it('keeps a record once, however often it is appended', async () => {
    const record = decision(START_MS);
    await keep([record, record]);
    await keep([record]);
    assert.deepEqual(await list({}), [record.decisionId]);
  });

  it('takes the token of a record that was kept without one, and never takes one away', async () => {
    const early = decision(START_MS, { outcome: outcomeOf(OUT) });
    const token = { term: 3, index: 14 };
    await keep([early]);
    assert.equal((await subject.store.read(early.decisionId, signal))?.token, null);
    await keep([{ ...early, token }]);
    await keep([early]);
    assert.deepEqual(await subject.store.read(early.decisionId, signal), { ...early, token });
    const both = decision(START_MS + 1, { outcome: outcomeOf(IN) });
    await keep([both, { ...both, token }, both]);
    assert.deepEqual(await subject.store.read(both.decisionId, signal), { ...both, token });
  });

  it('keeps all of many appends that run at the same time', async () => {
    const records = Array.from({ length: 40 }, (_, index) => decision(START_MS + index));
    await Promise.all(records.map((record) => subject.store.append([record])));
    await subject.settle();
    assert.equal((await list({})).length, 40);
  });

  it('takes an empty append', async () => {
    await keep([]);
    assert.deepEqual(await list({}), []);
  });

  it('reads null for an id that it does not have', async () => {
    assert.equal(await subject.store.read('000000000000-none', signal), null);
  });

  it('treats what looks like SQL as text', async () => {
    await keep([decision(START_MS)]);
    assert.deepEqual(await list({ workloadId: "x' or '1'='1" }), []);
    assert.equal(await subject.store.read("'; drop table decisions; --", signal), null);
    assert.equal((await list({})).length, 1);
  });

  it('rejects with its own error when the caller has given up', async () => {
    const given = AbortSignal.abort();
    await assert.rejects(subject.store.read('x', given), DecisionStoreError);
    await assert.rejects(subject.store.list(EVERYTHING, 1, null, given), DecisionStoreError);
  });

  it('has nothing waiting and nothing dropped once it has settled', async () => {
    await keep([decision(START_MS)]);
    const { connected, buffered, dropped } = subject.store.status();
    assert.deepEqual(
      { connected, buffered, dropped },
      { connected: true, buffered: 0, dropped: 0 },
    );
  });
}
