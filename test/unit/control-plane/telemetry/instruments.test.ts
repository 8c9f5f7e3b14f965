/** The children of a family: told apart, counted, taken back, and forgotten with what they are of. */

import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { renderMetrics } from '../../../../control-plane/telemetry/exposition.ts';
import { RegistryMaker } from '../../../../control-plane/telemetry/instruments.ts';
import type { SeriesRegistry } from '../../../../control-plane/telemetry/instruments.ts';

describe('instruments', () => {
  function make(seriesMax = 100) {
    const registry: SeriesRegistry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const dropped = { series: 0, values: 0 };
    const maker = new RegistryMaker(registry, seriesMax, {
      series: () => (dropped.series += 1),
      value: () => (dropped.values += 1),
    });
    const lines = async () => {
      const { body } = await renderMetrics(registry, undefined);
      return body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    };
    return { maker, dropped, lines };
  }
  const spec = <L extends string>(labels: readonly L[]) => ({ name: 'a', help: 'a test', labels });

  it('tell children apart whose labels would be one text', async () => {
    const { maker, lines } = make();
    const gauge = maker.gauge(spec(['x', 'y', 'z']));
    gauge.set({ x: 'a', y: 'b', z: 'cd' }, 1);
    gauge.set({ x: 'a', y: 'bc', z: 'd' }, 2);
    gauge.set({ x: 'a', y: '1:b', z: '' }, 3);
    gauge.set({ x: 'a', y: '', z: '1:b' }, 4);
    assert.deepEqual(await lines(), [
      'a{x="a",y="b",z="cd"} 1',
      'a{x="a",y="bc",z="d"} 2',
      'a{x="a",y="1:b",z=""} 3',
      'a{x="a",y="",z="1:b"} 4',
    ]);
  });

  it('show a gauge that was set to what it was, added to, and set back', async () => {
    const { maker, lines } = make();
    const gauge = maker.gauge(spec(['x']));
    gauge.set({ x: 'a' }, 1);
    gauge.set({ x: 'a' }, 1);
    gauge.add({ x: 'a' }, 2);
    assert.deepEqual(await lines(), ['a{x="a"} 3']);
    gauge.set({ x: 'a' }, 4);
    assert.deepEqual(await lines(), ['a{x="a"} 4']);
    gauge.set({ x: 'a' }, 1);
    assert.deepEqual(await lines(), ['a{x="a"} 1']);
    gauge.remove({ x: 'a' });
    assert.deepEqual(await lines(), []);
    gauge.set({ x: 'a' }, 1);
    assert.deepEqual(await lines(), ['a{x="a"} 1']);
  });

  it('take back one child and leave its neighbours', async () => {
    const { maker, lines } = make();
    const gauge = maker.gauge(spec(['x', 'y']));
    for (const y of ['1', '2']) gauge.set({ x: 'a', y }, 1);
    gauge.set({ x: 'b', y: '1' }, 1);
    gauge.remove({ x: 'a', y: '1' });
    gauge.remove({ x: 'c', y: '1' });
    gauge.remove({ x: 'a', y: '3' });
    assert.deepEqual(await lines(), ['a{x="a",y="2"} 1', 'a{x="b",y="1"} 1']);
  });

  it('forget all that carries a label, wherever it stands among the labels, and no more', async () => {
    const { maker, lines } = make();
    const first = maker.gauge({ ...spec(['workload', 'y']), name: 'first' });
    const second = maker.counter({ ...spec(['y', 'workload']), name: 'second_total' });
    const without = maker.gauge({ ...spec(['y']), name: 'without' });
    for (const workload of ['v', 'w']) {
      for (const y of ['w', 'x']) {
        first.set({ workload, y }, 1);
        second.inc({ workload, y });
        without.set({ y }, 1);
      }
    }
    maker.forget('workload', 'w');
    assert.deepEqual(await lines(), [
      'first{workload="v",y="w"} 1',
      'first{workload="v",y="x"} 1',
      'second_total{workload="v",y="w"} 1',
      'second_total{workload="v",y="x"} 1',
      'without{y="w"} 1',
      'without{y="x"} 1',
    ]);
  });

  it('have room again once something was forgotten or taken back, and count what had none', async () => {
    const { maker, dropped, lines } = make(2);
    const gauge = maker.gauge(spec(['x']));
    for (const x of ['a', 'b', 'c']) gauge.set({ x }, 1);
    assert.equal(dropped.series, 1);
    gauge.remove({ x: 'a' });
    gauge.set({ x: 'c' }, 1);
    maker.forget('x', 'b');
    gauge.set({ x: 'd' }, 1);
    gauge.set({ x: 'e' }, 1);
    assert.equal(dropped.series, 2);
    assert.deepEqual(await lines(), ['a{x="c"} 1', 'a{x="d"} 1']);
  });

  it('raise a counter to a total, and never lower it', async () => {
    const { maker, dropped, lines } = make();
    const counter = maker.counter({ ...spec(['x']), name: 'a_total' });
    counter.raiseTo({ x: 'a' }, 5);
    counter.raiseTo({ x: 'a' }, 3);
    counter.raiseTo({ x: 'a' }, 7);
    counter.raiseTo({ x: 'a' }, Infinity);
    counter.raiseTo({ x: 'a' }, 8);
    assert.deepEqual(await lines(), ['a_total{x="a"} 8']);
    assert.equal(dropped.values, 1);
  });

  it('are written out over several turns of the event loop when there are many', async () => {
    const { maker, lines } = make(10_000);
    const gauge = maker.gauge(spec(['x']));
    for (let at = 0; at < 10_000; at += 1) gauge.set({ x: `${at}` }, at);
    let turns = 0;
    const count = (): void => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const written = await lines();
    clearImmediate(timer);
    assert.equal(written.length, 10_000);
    assert.equal(written[9_999], 'a{x="9999"} 9999');
    assert.ok(turns >= 4, `${turns}`);
  });
});
