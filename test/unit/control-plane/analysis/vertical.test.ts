import assert from 'node:assert/strict';
import fc from 'fast-check';
import { recommendVertical } from '../../../../control-plane/analysis/vertical.ts';
import type { UsageSeries } from '../../../../control-plane/analysis/vertical-usage.ts';
import type {
  RecommendedResource,
  VerticalRecommendation,
  WithheldResource,
} from '../../../../control-plane/model/vertical.ts';
import {
  DAY_MS,
  END_MS,
  GIB,
  HOUR_MS,
  inputOf,
  MIB,
  usageOf,
  verticalSpecOf,
} from '../../../support/vertical.ts';

const WEEK = 8 * 24;

describe('a recommendation of memory', () => {
  it('is the highest peak of one replica and its margin, not what replicas use on average', () => {
    const found = recommended(
      inputOf([
        usageOf('a', WEEK, () => 100 * MIB),
        usageOf('b', WEEK, (before) => (before === 100 ? 1_000 * MIB : 100 * MIB)),
      ]),
    );
    assert.equal(found.target, 1_150 * MIB);
    assert.equal(found.peak, 1_000 * MIB);
    assert.deepEqual(
      found.steps.map(({ stage }) => stage),
      ['percentile', 'margin', 'peak_floor'],
    );
    assert.match(found.text, /the highest peak of a replica was 1000 MiB, plus a margin of 15 %/);
  });

  it('may be the percentile of the peaks when less than the highest is asked for', () => {
    const usage = [
      usageOf('a', WEEK, (before) => (before === 150 ? 1_000 * MIB : 100 * MIB)),
      usageOf('b', WEEK, () => 100 * MIB),
    ];
    const found = recommended(inputOf(usage, { belowPeak: true }));
    assert.ok(found.target > 115 * MIB && found.target < 122 * MIB, `${found.target / MIB}`);
    assert.match(found.text, /90 % of the replicas’ peaks, the newer the weightier, was at most/);
  });

  it('weighs a peak by how much of its interval was seen: a replica just begun lowers nothing', () => {
    const young = ['b', 'c', 'd', 'e'].map((name) => usageOf(name, 1, () => 10 * MIB));
    const old = usageOf('a', WEEK, () => 1_000 * MIB);
    const found = recommended(inputOf([old, ...young], { belowPeak: true, percentile: 0.5 }));
    assert.equal(found.target, 1_150 * MIB);
  });

  it('weighs a day-old peak half of today’s', () => {
    // Of two days of peaks weighing 1 and 0.5 the newer is reached at two thirds.
    const usage = [usageOf('a', 48, (before) => (before < 24 ? 100 * MIB : 1_000 * MIB))];
    const at = (percentile: number): number =>
      recommended(inputOf(usage, { belowPeak: true, percentile, marginRatio: 0 })).target;
    assert.ok(at(0.66) <= 106 * MIB);
    assert.equal(at(0.67), 1_000 * MIB);
  });

  it('does not fade while nothing is seen: weights are relative to the newest sample', () => {
    const usage = (idle: number): readonly UsageSeries[] => [
      usageOf('a', 48 + idle, (before) =>
        before < idle ? undefined : before < 24 + idle ? 100 * MIB : 1_000 * MIB,
      ),
    ];
    const changes = { belowPeak: true, percentile: 0.66 };
    assert.equal(
      recommended(inputOf(usage(96), changes)).target,
      recommended(inputOf(usage(0), changes)).target,
    );
  });

  it('is rounded up to whole MiB, and not by the noise of a fraction', () => {
    const usage = [usageOf('a', WEEK, () => 100.2 * MIB)];
    assert.equal(recommended(inputOf(usage, { marginRatio: 0 })).target, 101 * MIB);
    const whole = [usageOf('a', WEEK, () => 100 * MIB)];
    assert.equal(recommended(inputOf(whole, { marginRatio: 0.1 })).target, 110 * MIB);
  });

  it('stays within the policy’s bounds, and says that they made it so', () => {
    const usage = [usageOf('a', WEEK, () => 1_000 * MIB)];
    const capped = recommended(inputOf(usage, { max: 1_100 * MIB }));
    assert.deepEqual([capped.target, capped.uncappedTarget], [1_100 * MIB, 1_150 * MIB]);
    assert.match(capped.text, /bounds make it so instead of 1.12 GiB/);
    assert.ok(capped.upperBound <= 1_100 * MIB);
    const raised = recommended(inputOf(usage, { min: 2_000 * MIB }));
    assert.deepEqual([raised.target, raised.lowerBound], [2_000 * MIB, 2_000 * MIB]);
  });
});

describe('a kill for want of memory', () => {
  const usage = [usageOf('a', WEEK, () => 1_000 * MIB)];
  const killedAt = (before: number): UsageSeries =>
    usageOf('a', WEEK, (at) => (at > before ? 3 : 4));

  it('adds 20 % to what was seen before it', () => {
    const kills = { kills: [killedAt(5)], limits: null };
    const found = recommended(inputOf(usage, {}, kills));
    assert.equal(found.peak, 1_200 * MIB);
    assert.equal(found.target, 1_380 * MIB);
    assert.equal(found.evidence.oomKills, 1);
    assert.match(found.text, /after 1 kill for want of memory/);
  });

  it('adds 100 MiB at least', () => {
    const small = [usageOf('a', WEEK, () => 50 * MIB)];
    const kills = { kills: [killedAt(5)], limits: null };
    assert.equal(recommended(inputOf(small, {}, kills)).peak, 150 * MIB);
  });

  it('is reckoned from the limit that was in force then, not from today’s', () => {
    const limit = usageOf('a', WEEK, (before) => (before > 5 ? 2_000 * MIB : 4_000 * MIB));
    const kills = { kills: [killedAt(5)], limits: [limit] };
    assert.equal(recommended(inputOf(usage, {}, kills)).peak, 2_400 * MIB);
  });

  it('never ends in less than a replica has now', () => {
    const kills = { kills: [killedAt(5)], limits: null };
    const found = recommended(inputOf(usage, { request: 4_000 * MIB }, kills));
    assert.equal(found.target, 4_000 * MIB);
    assert.equal(found.advice, 'keep');
    assert.match(found.text, /less was not enough, after 1 kill/);
  });

  it('is reckoned from what was used in the interval before it, not after it nor long before', () => {
    const kills = { kills: [killedAt(48)], limits: null };
    const peakOf = (valueAt: (before: number) => number): number =>
      recommended(inputOf([usageOf('a', WEEK, valueAt)], {}, kills)).peak;
    assert.equal(
      peakOf((before) => (before < 48 ? 3_000 : 1_000) * MIB),
      3_000 * MIB,
    );
    assert.equal(
      peakOf((before) => (before > 72 ? 2_000 : 1_000) * MIB),
      2_000 * MIB,
    );
    assert.equal(
      peakOf((before) => (before > 71 ? 2_000 : 1_000) * MIB),
      2_000 * MIB,
    );
    assert.equal(
      peakOf((before) => (before > 70 ? 2_000 : 1_000) * MIB),
      2_400 * MIB,
    );
  });

  it('is also seen in a counter that begins with it, and after a counter began anew', () => {
    const begun = usageOf('a', 6, () => 1);
    const count = (kills: readonly UsageSeries[]) =>
      recommended(inputOf(usage, {}, { kills, limits: null })).evidence.oomKills;
    assert.equal(count([begun]), 1);
    assert.equal(count([usageOf('a', WEEK, (before) => (before > 5 ? 7 : 2))]), 2);
    assert.equal(count([usageOf('a', WEEK, () => 7)]), 0);
  });
});

describe('a recommendation of CPU', () => {
  const cpu = { resource: 'cpu' } as const;

  it('is the weighted percentile of all samples and a margin', () => {
    const usage = [usageOf('a', WEEK, (before) => (before % 20 === 0 ? 4 : 1))];
    const found = recommended(inputOf(usage, cpu));
    assert.ok(found.target >= 1.15 && found.target <= 1.15 * 1.05, `${found.target}`);
    assert.equal(found.peak, 4);
    assert.match(found.text, /90 % of what replicas used, the newer the weightier, was at most 1/);
  });

  it('looks past the beginning of a replica when it is asked to, unless nobody knows when it began', () => {
    const starts = usageOf('b', 40, (before) => (before >= 37 ? 8 : 1));
    const usage = [starts];
    assert.equal(recommended(inputOf(usage, { ...cpu, percentile: 1 })).peak, 8);
    const warm = recommended(inputOf(usage, { ...cpu, percentile: 1, warmupMs: 3 * HOUR_MS }));
    assert.equal(warm.peak, 1);
    assert.equal(warm.evidence.samples, 37);
    const whole = [usageOf('a', WEEK, (before) => (before >= WEEK - 2 ? 8 : 1))];
    assert.equal(recommended(inputOf(whole, { ...cpu, warmupMs: 3 * HOUR_MS })).peak, 8);
  });

  it('takes no use for what it is', () => {
    const found = recommended(inputOf([usageOf('a', WEEK, () => 0)], cpu));
    assert.deepEqual([found.evidence.samples, found.evidence.samplesRefused], [WEEK, 0]);
    assert.equal(found.target, 0.012);
  });

  it('is told to the thousandth of a core', () => {
    const usage = [usageOf('a', WEEK, () => 0.0004)];
    assert.equal(recommended(inputOf(usage, cpu)).target, 0.012);
  });
});

describe('a recommendation of GPU memory', () => {
  const device = { memoryBytes: 80 * GIB, slicesBytes: [10 * GIB, 20 * GIB, 40 * GIB, 80 * GIB] };
  const gpu = (peak: number, changes = {}) =>
    recommended(
      inputOf([usageOf('a', WEEK, () => peak)], { resource: 'gpu_memory', device, ...changes }),
    );

  it('is the smallest slice that holds the peak and its margin', () => {
    assert.equal(gpu(8 * GIB).target, 10 * GIB);
    assert.equal(gpu(10 * GIB, { marginRatio: 0 }).target, 10 * GIB);
    assert.deepEqual([gpu(9 * GIB).target, gpu(9 * GIB).upperBound], [20 * GIB, 20 * GIB]);
    assert.match(
      gpu(9 * GIB).text,
      /sizes that the device can be cut into make it so instead of 10.35 GiB/,
    );
  });

  it('is never above the memory of the device', () => {
    assert.equal(gpu(79 * GIB).target, 80 * GIB);
    const uncut = { device: { ...device, slicesBytes: [] } };
    assert.equal(gpu(79 * GIB, uncut).target, 80 * GIB);
    assert.equal(gpu(79 * GIB, uncut).upperBound, 80 * GIB);
    assert.match(gpu(79 * GIB, uncut).text, /limits of the device/);
  });

  it('takes no slice above the policy’s maximum', () => {
    assert.equal(gpu(15 * GIB, { max: 30 * GIB }).target, 20 * GIB);
    const short = gpu(25 * GIB, { max: 30 * GIB });
    assert.deepEqual([short.target, short.lowerBound], [20 * GIB, 20 * GIB]);
  });
});

describe('the bounds of a recommendation', () => {
  const cpu = { resource: 'cpu' } as const;
  const upper = (hours: number): number =>
    recommended(inputOf([usageOf('a', hours, () => 1)], cpu)).upperBound;

  it('are the wider the shorter the history: twice after a day, a half more after two', () => {
    assert.ok(Math.abs(upper(48) - 1.15 * 1.5) < 1e-9);
    assert.ok(upper(30) > upper(31) && upper(31) > upper(WEEK));
    assert.equal(upper(WEEK), 1.294);
  });

  it('do not take a pause for history', () => {
    const paused = usageOf('a', WEEK, (before) => (before < 24 ? 1 : undefined));
    const before = usageOf('b', WEEK, (at) => (at >= WEEK - 24 ? 1 : undefined));
    const beside = usageOf('c', 24, () => 1);
    const found = recommended(inputOf([paused, before, beside], cpu));
    assert.equal(found.evidence.observedMs, 2 * DAY_MS);
    assert.ok(Math.abs(found.upperBound - 1.15 * 1.5) < 1e-9);
  });

  it('say whether to raise, to lower or to keep what there is now', () => {
    const advice = (request: number | null): string =>
      recommended(inputOf([usageOf('a', WEEK, () => 1_000 * MIB)], { request })).advice;
    assert.deepEqual([null, 1_149 * MIB, 1_150 * MIB, 1_294 * MIB, 1_295 * MIB].map(advice), [
      'set',
      'raise',
      'keep',
      'keep',
      'lower',
    ]);
  });

  it('are kept to at the lower one itself: what was in use is enough to keep', () => {
    const usage = [usageOf('a', WEEK, (at) => (at === 100 ? 3_000 : 100) * MIB)];
    const found = recommended(inputOf(usage, { request: 3_000 * MIB }));
    assert.deepEqual([found.lowerBound, found.advice], [3_000 * MIB, 'keep']);
  });

  it('come with the change in percent', () => {
    const usage = [usageOf('a', WEEK, () => 1_000 * MIB)];
    const found = recommended(inputOf(usage, { request: 2_300 * MIB }));
    assert.equal(found.changePercent, -50);
    assert.equal(found.lowerBound, 1_150 * MIB);
    assert.match(found.text, /^Lower memory from 2.25 GiB to 1.12 GiB a replica \(−50 %\): /);
    assert.match(found.text, /192 samples of 1 replica over 8 days\.$/);
  });
});

describe('no recommendation is made', () => {
  const cases: readonly (readonly [
    string,
    readonly UsageSeries[],
    WithheldResource['reason'],
    RegExp,
  ])[] = [
    ['from no sample', [], 'signal_absent', /no sample in the whole window/],
    [
      'from a history under the minimum',
      [usageOf('a', 23, () => 1e9)],
      'history_too_short',
      /23 samples over 23 hours; 30 over 24 hours/,
    ],
    [
      'from few samples over a long time',
      [usageOf('a', 10, () => 1e9), usageOf('b', WEEK, (at) => (at > WEEK - 10 ? 1e9 : undefined))],
      'history_too_short',
      /19 samples/,
    ],
    [
      'from a replica with more than a fifth of its life missing',
      [usageOf('a', 100, (at) => (at > 20 && at <= 41 ? undefined : 1e9))],
      'history_gappy',
      /79 % of the replicas’ lives were seen, 80 % are needed; 1 gap, the longest of 21 hours/,
    ],
    [
      'from NaN',
      [usageOf('a', WEEK, () => NaN)],
      'signal_not_a_number',
      /192 samples were no usage: 192 not finite/,
    ],
    [
      'from infinite values where usage should be',
      [usageOf('a', WEEK, (at) => (at % 2 === 0 ? Infinity : 1e9))],
      'signal_not_a_number',
      /96 not finite/,
    ],
    ['from negative usage', [usageOf('a', WEEK, () => -1)], 'signal_out_of_range', /192 negative/],
    [
      'from two things under one name',
      [
        usageOf('a', WEEK, () => 1e9),
        { ...usageOf('a', WEEK, () => 2e9), labels: { replica: 'a', container: 'x' } },
      ],
      'signal_ambiguous',
      /several series at once for the replica a; aggregate by \(replica\)/,
    ],
    [
      'from series that no label tells apart',
      [
        { ...usageOf('a', WEEK, () => 1e9), labels: { pod: 'a' } },
        { ...usageOf('b', WEEK, () => 2e9), labels: { pod: 'b' } },
      ],
      'signal_ambiguous',
      /without the label replica/,
    ],
  ];
  for (const [title, usage, reason, detail] of cases) {
    it(title, () => {
      const found = withheld(recommendVertical(inputOf(usage, { request: 5 })));
      assert.equal(found.reason, reason);
      assert.match(found.detail, detail);
      assert.equal(found.current, 5);
    });
  }

  it('though both sides of the minimum of the coverage are near each other', () => {
    const missing = (hours: number) => [
      usageOf('a', 100, (at) => (at > 20 && at <= 20 + hours ? undefined : 1e9)),
    ];
    assert.equal(recommendVertical(inputOf(missing(20))).kind, 'recommended');
    assert.equal(recommendVertical(inputOf(missing(21))).kind, 'withheld');
  });
});

describe('a replica that begins anew under its name', () => {
  const seamed = (doubled: number): readonly UsageSeries[] => [
    usageOf('a', 40, (at) => (at >= 20 ? 1_000 * MIB : undefined)),
    {
      labels: { replica: 'a', container: 'new' },
      points: usageOf('a', 20 + doubled, (at) => (at >= 20 ? 2_000 : 500) * MIB).points,
    },
  ];

  it('is one replica, whose greater value counts where both were seen in one step', () => {
    for (const series of [seamed(1), [...seamed(1)].reverse()]) {
      const found = recommended(inputOf(series));
      assert.deepEqual(
        [found.peak, found.evidence.replicas, found.evidence.samples],
        [2_000 * MIB, 1, 40],
      );
    }
  });

  it('is two things under one name when that goes on', () => {
    assert.equal(recommendVertical(inputOf(seamed(3))).kind, 'recommended');
    const third = { ...usageOf('a', 9, () => MIB), labels: { replica: 'a', container: 'third' } };
    for (const series of [seamed(4), [...seamed(3), third]]) {
      assert.equal(withheld(recommendVertical(inputOf(series))).reason, 'signal_ambiguous');
    }
    const before = { ...third, points: [[END_MS - 50 * HOUR_MS, MIB]] as const };
    const all = inputOf([...seamed(4), before]);
    assert.equal(withheld(recommendVertical(all)).reason, 'signal_ambiguous');
  });
});

describe('the history that is needed', () => {
  it('is what the policy says', () => {
    const input = inputOf([usageOf('a', 40, () => 1e9)]);
    const after = (spanMinMs: number) =>
      recommendVertical({ ...input, rules: verticalSpecOf({ spanMinMs }) }).kind;
    assert.deepEqual([40 * HOUR_MS, 40 * HOUR_MS + 1].map(after), ['recommended', 'withheld']);
  });
});

describe('gaps', () => {
  it('are counted, and make no difference to what is recommended', () => {
    const whole = [usageOf('a', WEEK, (at) => (500 + (at % 24)) * MIB)];
    const gappy = [usageOf('a', WEEK, (at) => (at % 24 < 3 ? undefined : (500 + (at % 24)) * MIB))];
    const found = recommended(inputOf(gappy));
    assert.equal(found.target, recommended(inputOf(whole)).target);
    // The last of the eight is at the end: nobody knows whether it is one.
    assert.deepEqual([found.evidence.gaps, found.evidence.longestGapMs], [7, 3 * HOUR_MS]);
    assert.match(found.text, /7 gaps, the longest of 3 hours/);
  });

  it('are seen from one missing sample on', () => {
    const found = recommended(
      inputOf([usageOf('a', WEEK, (at) => (at === 9 || at === 5 ? undefined : 1e9))]),
    );
    assert.deepEqual([found.evidence.gaps, found.evidence.longestGapMs], [2, HOUR_MS]);
  });

  it('between replicas of which one took the other’s place are none', () => {
    const found = recommended(
      inputOf([
        usageOf('a', WEEK, (at) => (at > 100 ? 1e9 : undefined)),
        usageOf('b', WEEK, (at) => (at < 50 ? 1e9 : undefined)),
      ]),
    );
    assert.deepEqual([found.evidence.gaps, found.evidence.coverageRatio], [0, 1]);
    assert.equal(found.evidence.replicas, 2);
  });
});

describe('every recommendation', () => {
  const hour = fc.oneof(
    { weight: 19, arbitrary: fc.double({ min: 0, max: 1e11, noNaN: true }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
  const hours = fc.array(hour, { minLength: 40, maxLength: 120 });
  const usages = fc.array(hours, { minLength: 1, maxLength: 3 });
  const specs = fc.record({
    resource: fc.constantFrom('cpu' as const, 'memory' as const, 'gpu_memory' as const),
    percentile: fc.double({ min: 0.5, max: 1, noNaN: true }),
    marginRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    belowPeak: fc.boolean(),
    request: fc.option(fc.double({ min: 1, max: 1e11, noNaN: true })),
  });
  const seriesOf = (values: readonly (readonly (number | undefined)[])[]) =>
    values.map((list, index) => usageOf(`r${index}`, list.length, (at) => list[at]));

  it('lies between its bounds, covers the peak of what can kill, and is a number', () => {
    fc.assert(
      fc.property(usages, specs, (values, spec) => {
        const found = recommendVertical(inputOf(seriesOf(values), spec));
        if (found.kind === 'withheld') return;
        const { target, lowerBound, upperBound, peak } = found;
        assert.ok(Number.isFinite(target) && target > 0);
        assert.ok(lowerBound <= target && target <= upperBound);
        if (spec.resource !== 'cpu' && !spec.belowPeak) {
          assert.ok(target >= peak * (1 + spec.marginRatio) * (1 - 1e-9));
          assert.ok(lowerBound >= peak * (1 - 1e-9));
        }
      }),
    );
  });

  it('does not depend on the order of series, and is not lower for more usage', () => {
    fc.assert(
      fc.property(
        usages,
        specs,
        fc.double({ min: 1, max: 5, noNaN: true }),
        (values, spec, factor) => {
          const found = recommendVertical(inputOf(seriesOf(values), spec));
          const reversed = recommendVertical(inputOf([...seriesOf(values)].reverse(), spec));
          assert.deepEqual(reversed, found);
          const grown = values.map((list) => list.map((value) => value && value * factor));
          const more = recommendVertical(inputOf(seriesOf(grown), spec));
          if (found.kind === 'withheld' || more.kind === 'withheld') return;
          assert.ok(more.target >= found.target * (1 - 1e-9), `${more.target} < ${found.target}`);
        },
      ),
    );
  });
});

function recommended(input: Parameters<typeof recommendVertical>[0]): RecommendedResource {
  const found = recommendVertical(input);
  if (found.kind === 'withheld') assert.fail(`${found.reason}: ${found.detail}`);
  return found;
}

function withheld(found: VerticalRecommendation): WithheldResource {
  if (found.kind === 'recommended') assert.fail(found.text);
  return found;
}
