import assert from 'node:assert/strict';
import type { Family } from '../../../agents/collector.ts';
import { counter, gauge } from '../../../agents/family.ts';
import { createExposition, negotiateFormat } from '../../../agents/metrics.ts';

const up = gauge('thing_up', 'Whether "it" is up: C:\\temp.\nSecond line.');
const bytes = counter('thing_bytes_total', 'Bytes.', 'device', 'way');

function exposition(seriesMax = 1000, families: readonly Family[] = [up, bytes]) {
  const all = createExposition(seriesMax);
  return { all, section: all.section(families) };
}

describe('exposition', () => {
  it('renders text 0.0.4 with help, type and escaped labels', () => {
    const { all, section } = exposition();
    const run = section.open();
    run.emit(up, 1);
    run.emit(bytes, 12.5, 'a"b\\c\nd', 'in');
    run.commit();
    assert.equal(
      all.render('text'),
      [
        '# HELP thing_up Whether "it" is up: C:\\\\temp.\\nSecond line.',
        '# TYPE thing_up gauge',
        'thing_up 1',
        '# HELP thing_bytes_total Bytes.',
        '# TYPE thing_bytes_total counter',
        'thing_bytes_total{device="a\\"b\\\\c\\nd",way="in"} 12.5',
        '',
      ].join('\n'),
    );
  });

  it('renders OpenMetrics with counter names without _total in TYPE and an EOF', () => {
    const { all, section } = exposition();
    const run = section.open();
    run.emit(up, 0);
    run.emit(bytes, 1e21, 'a', 'in');
    run.commit();
    assert.equal(
      all.render('openmetrics'),
      [
        '# HELP thing_up Whether \\"it\\" is up: C:\\\\temp.\\nSecond line.',
        '# TYPE thing_up gauge',
        'thing_up 0',
        '# HELP thing_bytes Bytes.',
        '# TYPE thing_bytes counter',
        'thing_bytes_total{device="a",way="in"} 1e+21',
        '# EOF',
        '',
      ].join('\n'),
    );
  });

  it('keeps counter names in text after OpenMetrics was asked for', () => {
    const { all, section } = exposition();
    const run = section.open();
    run.emit(bytes, 1, 'a', 'in');
    run.commit();
    const before = all.render('text');
    all.render('openmetrics');
    assert.equal(all.render('text'), before);
  });

  it('renders nothing but the EOF when nothing is known', () => {
    const { all } = exposition();
    assert.equal(all.render('text'), '');
    assert.equal(all.render('openmetrics'), '# EOF\n');
  });

  it('keeps the samples of a family together however they were emitted', () => {
    const { all, section } = exposition();
    const run = section.open();
    run.emit(bytes, 1, 'a', 'in');
    run.emit(up, 1);
    run.emit(bytes, 2, 'b', 'in');
    run.commit();
    const names = all
      .render('text')
      .split('\n')
      .filter((line) => line !== '' && line[0] !== '#');
    assert.deepEqual(
      names.map((line) => line.split(/[ {]/)[0]),
      ['thing_up', 'thing_bytes_total', 'thing_bytes_total'],
    );
  });

  it('drops and counts NaN, infinities, negative counters and repeated series', () => {
    const { all, section } = exposition();
    const run = section.open();
    run.emit(up, NaN);
    run.emit(up, Infinity);
    run.emit(bytes, -1, 'a', 'in');
    run.emit(bytes, 1, 'a', 'in');
    run.emit(bytes, 2, 'a', 'in');
    run.commit();
    assert.deepEqual(section.dropped, {
      not_finite: 2,
      negative_counter: 1,
      duplicate: 1,
      series_limit: 0,
    });
    assert.match(all.render('text'), /^thing_bytes_total\{device="a",way="in"\} 1$/m);
    assert.doesNotMatch(all.render('text'), /thing_up/);
  });

  it('takes a negative gauge', () => {
    const { all, section } = exposition();
    const run = section.open();
    run.emit(up, -3.5);
    run.commit();
    assert.match(all.render('text'), /^thing_up -3\.5$/m);
  });

  it('takes exactly as many series of a family as the cap and counts the others', () => {
    const { all, section } = exposition(3);
    const run = section.open();
    for (let index = 0; index < 5; index++) run.emit(bytes, index, `d${index}`, 'in');
    run.commit();
    assert.equal(all.render('text').match(/^thing_bytes_total\{/gm)?.length, 3);
    assert.equal(section.dropped.series_limit, 2);
  });

  it('forgets series that are gone, so that coming and going devices cost no memory for ever', () => {
    const { all, section } = exposition(2);
    for (let round = 0; round < 50; round++) {
      const run = section.open();
      run.emit(bytes, round, `d${round}`, 'in');
      run.commit();
      assert.equal(
        all.render('text').split('\n').at(-2),
        `thing_bytes_total{device="d${round}",way="in"} ${round}`,
      );
    }
  });

  it('drops what an earlier run published when a run is discarded', () => {
    const { all, section } = exposition();
    const good = section.open();
    good.emit(up, 1);
    good.commit();
    const bad = section.open();
    bad.emit(up, 0);
    bad.discard();
    assert.equal(all.render('text'), '');
  });

  it('ignores what a run emits after it was discarded or overtaken', () => {
    const { all, section } = exposition();
    const late = section.open();
    late.discard();
    const next = section.open();
    late.emit(up, 0);
    late.commit();
    next.emit(up, 1);
    next.commit();
    late.emit(up, 7);
    late.discard();
    assert.match(all.render('text'), /^thing_up 1$/m);
  });

  it('refuses families with a bad or taken name, a counter without _total and a gauge with it', () => {
    const declare =
      (...families: Family[]) =>
      () =>
        createExposition(10).section(families);
    assert.throws(declare(gauge('badName', 'x')), /badName/);
    assert.throws(declare(gauge('a_total', 'x')), /a_total/);
    assert.throws(declare(counter('a', 'x')), /family a/);
    assert.throws(declare(gauge('a', '')), /family a/);
    assert.throws(declare(gauge('a', 'x'), gauge('a', 'y')), /declared twice/);
    assert.throws(declare(gauge('a', 'x'), counter('a_total', 'y')), /declared twice/);
  });

  it('refuses to emit an undeclared family or a wrong number of labels', () => {
    const { section } = exposition();
    const run = section.open();
    assert.throws(() => run.emit(gauge('other', 'x'), 1), /not declared/);
    assert.throws(() => run.emit(bytes, 1, 'a'), /2 labels/);
  });
});

describe('format negotiation', () => {
  const cases: readonly (readonly [string | undefined, 'text' | 'openmetrics'])[] = [
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['application/json', 'text'],
    ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text;version=0.0.1', 'text'],
    [
      'application/openmetrics-text;version=1.0.0;q=0.75,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.25,*/*;q=0.1',
      'openmetrics',
    ],
    ['application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.9', 'text'],
    ['application/openmetrics-text;version=1.0.0;q=0', 'text'],
  ];
  for (const [accept, format] of cases) {
    it(`answers ${format} to ${accept ?? 'no Accept header'}`, () => {
      assert.equal(negotiateFormat(accept), format);
    });
  }
});
