import assert from 'node:assert/strict';
import {
  parseKill,
  parseMapping,
  parseOutage,
  readInstant,
} from '../../../../control-plane/schemas/backtest-words.ts';

const at = Date.UTC(2026, 10, 1, 3, 30);

describe('the words of backtests', () => {
  it('read instants with and without zone, seconds and ms, and nothing that only looks like one', () => {
    const same = [
      '2026-11-01T03:30Z',
      '2026-11-01T03:30:00.000Z',
      '2026-11-01 03:30:00',
      '2026-11-01T05:30+02:00',
      String(at),
      String(at / 1_000),
    ];
    for (const text of same) assert.equal(readInstant(text), at, text);
    assert.equal(readInstant('99999999999'), 99_999_999_999_000);
    assert.equal(readInstant('100000000000'), 100_000_000_000);
    assert.equal(readInstant('2026-11-01'), Date.UTC(2026, 10, 1));
    for (const text of ['', 'yesterday', '2026-13-01', '2026-11-01T25:00Z', '-5', '11/01/2026']) {
      assert.equal(readInstant(text), null, text);
    }
  });

  it('read outages with kind, length, time and signal', () => {
    assert.deepEqual(parseOutage('10m@daily'), {
      kind: 'absent',
      durationMs: 600_000,
      when: { kind: 'every', periodMs: 86_400_000 },
      metric: null,
    });
    assert.deepEqual(parseOutage('zero:5m@6h#load'), {
      kind: 'zero',
      durationMs: 300_000,
      when: { kind: 'every', periodMs: 21_600_000 },
      metric: 'load',
    });
    assert.deepEqual(parseOutage('any:90s@2026-11-01T03:30Z').when, { kind: 'at', atMs: at });
    assert.deepEqual(parseKill('30s@weekly'), {
      gapMs: 30_000,
      when: { kind: 'every', periodMs: 604_800_000 },
    });
  });

  it('read rules with the value at full use', () => {
    assert.deepEqual(parseMapping('utilization'), { rule: 'utilization', full: 1 });
    assert.deepEqual(parseMapping('busy:100'), { rule: 'busy', full: 100 });
  });

  it('say what is wrong and what would be right', () => {
    assert.throws(() => parseOutage('10m'), /such as 10m@daily; got "10m"/);
    assert.throws(() => parseOutage('gone:10m@daily'), /expected one of absent, .*any; got "gone"/);
    assert.throws(() => parseOutage('10@daily'), /expected a duration such as 10m before the @/);
    assert.throws(() => parseOutage('0s@daily'), /expected a duration such as 10m before the @/);
    assert.throws(() => parseOutage('10m@noon'), /expected hourly, daily, weekly/);
    assert.throws(() => parseKill('@daily'), /such as 30s@daily/);
    assert.throws(() => parseMapping('cpu'), /expected one of total, utilization, busy, queue/);
    assert.throws(() => parseMapping('busy:0'), /above 0; got "0"/);
    assert.throws(() => parseMapping('busy:1:2'), /expected one of/);
  });
});
