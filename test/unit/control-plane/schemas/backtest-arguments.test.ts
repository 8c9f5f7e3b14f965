import assert from 'node:assert/strict';
import {
  BACKTEST_USAGE,
  parseBacktestArguments,
} from '../../../../control-plane/schemas/backtest-arguments.ts';

const RIGHT = ['a.yaml', '--csv', 'load.csv', '--capacity', '10', '--boot', '180s'];

function orderOf(...argv: readonly string[]) {
  const parsed = parseBacktestArguments(argv);
  if (parsed.kind === 'faulty') assert.fail(parsed.faults.join('\n'));
  assert.ok(parsed.kind === 'order');
  return parsed.order;
}

function faultsOf(...argv: readonly string[]): readonly string[] {
  const parsed = parseBacktestArguments(argv);
  assert.ok(parsed.kind === 'faulty', 'nothing was wrong');
  return parsed.faults;
}

describe('the arguments of a backtest', () => {
  it('have defaults for everything but policies, history, capacity and boot time', () => {
    const order = orderOf(...RIGHT);
    assert.deepEqual(order.source, { kind: 'csv', file: 'load.csv', lookbackMs: 300_000 });
    assert.equal(order.stepMs, 15_000);
    assert.deepEqual(order.plant, {
      bootMs: 180_000,
      replicaCapacity: 10,
      replicasInitial: null,
      overload: { kind: 'lost' },
    });
    assert.equal(order.injections.seed, 1);
    assert.equal(order.fromMs, null);
  });

  it('take everything that there is', () => {
    const order = orderOf(
      ...['a.yaml', 'b.yaml', '--prometheus', 'https://p:9090/x', '--from', '2026-11-01T00:00Z'],
      ...['--to', '2026-11-02', '--step', '30s', '--capacity', '2.5', '--boot', '0s'],
      ...['--overload', 'queue', '--late-after', '2s', '--give-up-after', '1m', '--initial', '3'],
      ...['--metric', 'cpu=busy:100', '--metric', 'wait=queue', '--outages', 'zero:5m@6h'],
      ...['--outages', '10m@daily', '--kills', '30s@daily', '--forgotten', '--seed', '9'],
      ...['--load', 'sum(x)', '--html', 'r.html', '--json', 'r.json', '--points', '500'],
    );
    assert.deepEqual(order.policyFiles, ['a.yaml', 'b.yaml']);
    assert.deepEqual(order.plant.overload, {
      kind: 'queue',
      lateAfterMs: 2_000,
      timeoutMs: 60_000,
    });
    assert.deepEqual(order.signals, {
      cpu: { rule: 'busy', full: 100 },
      wait: { rule: 'queue', full: 1 },
    });
    assert.equal(order.injections.outages.length, 2);
    assert.equal(order.injections.compareForgotten, true);
    assert.equal(order.toMs, Date.UTC(2026, 10, 2));
  });

  it('are refused with every fault at once, each with the fix', () => {
    const faults = faultsOf(
      ...['--step', '15', '--initial', 'some', '--overload', 'drop', '--metric', 'cpu'],
      ...['--outages', '10m', '--seed', '-', '--from', 'monday', '--forgotten'],
    );
    const text = faults.join('\n');
    for (const expected of [
      /no policy was named/,
      /no history; give one of --csv and --prometheus/,
      /--step: .*write '15s'/,
      /--capacity is required/,
      /--boot is required/,
      /--initial: expected a whole number/,
      /--overload: expected lost or queue; got "drop"/,
      /--metric: expected NAME=RULE/,
      /--outages: expected .*10m@daily/,
      /--seed: expected a whole number/,
      /--from: expected an instant such as/,
      /--forgotten needs --kills/,
    ]) {
      assert.match(text, expected);
    }
  });

  it('hold against each other what belongs together', () => {
    assert.match(faultsOf(...RIGHT, '--prometheus', 'http://p').join(), /twice a history/);
    assert.match(faultsOf(...RIGHT, '--late-after', '5s').join(), /needs --overload queue/);
    assert.match(
      faultsOf(...RIGHT, '--from', '2026-11-02', '--to', '2026-11-01').join(),
      /--from is not before --to/,
    );
    const source = ['a.yaml', '--prometheus', 'ftp://p', '--capacity', '1', '--boot', '1s'];
    assert.match(faultsOf(...source).join(), /expected http:\/\/… or https:\/\/…/);
    const open = ['a.yaml', '--prometheus', 'http://p', '--capacity', '1', '--boot', '1s'];
    assert.deepEqual(faultsOf(...open), [
      '--from is required with --prometheus',
      '--to is required with --prometheus',
    ]);
  });

  it('name what is misspelt, and help names every option', () => {
    assert.match(faultsOf(...RIGHT, '--outage', 'x').join(), /--outage.*--help lists the options/);
    assert.equal(parseBacktestArguments(['--help']).kind, 'help');
    for (const name of [
      'csv',
      'prometheus',
      'metric',
      'outages',
      'kills',
      'html',
      'json',
      'seed',
    ]) {
      assert.ok(BACKTEST_USAGE.includes(`--${name}`), name);
    }
  });
});
