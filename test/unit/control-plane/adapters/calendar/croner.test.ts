import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  CALENDAR_FROM_MS,
  CALENDAR_UNTIL_MS,
  WINDOWS_AHEAD_MAX,
  createCronerCalendar,
} from '../../../../../control-plane/adapters/calendar/croner.ts';
import type { ScheduleSpec } from '../../../../../control-plane/model/schedule.ts';
import { CalendarError } from '../../../../../control-plane/ports/calendar.ts';
import { cronOf, readClock, startsOn } from '../../../../support/wall-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const schedule = (
  cron: string,
  timeZone = 'UTC',
  durationMs = HOUR_MS,
  overrides: Partial<ScheduleSpec> = {},
): ScheduleSpec => ({
  name: 'office',
  kind: 'floor',
  cron,
  timeZone,
  durationMs,
  replicas: 3,
  ...overrides,
});

/** The window in force, as ISO times to the second; null when there is none. */
const windowAt = (spec: ScheduleSpec, at: string | number) => {
  const [active] = createCronerCalendar().activeAt([spec], Date.parse(new Date(at).toISOString()));
  return active === undefined ? null : [iso(active.fromMs), iso(active.untilMs)];
};
const changeAfter = (spec: ScheduleSpec, at: string) => {
  const changeMs = createCronerCalendar().nextChangeMs(spec, Date.parse(at));
  return changeMs === null ? null : iso(changeMs);
};
const iso = (ms: number) => new Date(ms).toISOString().replace(':00.000Z', 'Z');

/** Zone, around when its clocks change, and what happens there. */
const CHANGES: readonly [timeZone: string, aroundMs: number, what: string][] = [
  ['Europe/Berlin', Date.UTC(2026, 2, 29), 'an hour is left out'],
  ['Europe/Berlin', Date.UTC(2026, 9, 25), 'an hour is repeated'],
  ['America/New_York', Date.UTC(2026, 2, 8), 'an hour is left out'],
  ['America/New_York', Date.UTC(2026, 10, 1), 'an hour is repeated'],
  ['Australia/Lord_Howe', Date.UTC(2026, 9, 3), 'half an hour is left out'],
  ['Australia/Lord_Howe', Date.UTC(2026, 3, 4), 'half an hour is repeated'],
  ['Asia/Kolkata', Date.UTC(2026, 5, 1), 'nothing, at a half-hour offset'],
  ['Asia/Kathmandu', Date.UTC(2026, 5, 1), 'nothing, at a quarter-hour offset'],
  ['Pacific/Apia', Date.UTC(2011, 11, 30), 'a whole day is left out'],
  ['America/Sao_Paulo', Date.UTC(2018, 10, 4), 'midnight is left out'],
  ['America/Sao_Paulo', Date.UTC(2018, 1, 18), 'the hour before midnight is repeated'],
  ['Antarctica/Troll', Date.UTC(2026, 2, 29), 'two hours are left out'],
  ['UTC', Date.UTC(2024, 1, 29), 'a leap day'],
];

describe('the calendar', () => {
  describe('of plain days', () => {
    const office = schedule('0 8 * * 1-5', 'UTC', 8 * HOUR_MS);

    it('begins a window at its start and ends it when its duration has elapsed', () => {
      const monday = Date.UTC(2026, 0, 5, 8);
      assert.equal(windowAt(office, monday - 1), null);
      const window = ['2026-01-05T08:00Z', '2026-01-05T16:00Z'];
      assert.deepEqual(windowAt(office, monday), window);
      assert.deepEqual(windowAt(office, monday + 1), window);
      assert.deepEqual(windowAt(office, monday + 8 * HOUR_MS - 1), window);
      assert.equal(windowAt(office, monday + 8 * HOUR_MS), null);
    });

    it('knows the days of the week', () => {
      assert.equal(windowAt(office, '2026-01-03T09:00Z'), null);
      assert.equal(windowAt(schedule('0 8 * * 7'), '2026-01-04T08:30Z')?.[0], '2026-01-04T08:00Z');
      assert.equal(windowAt(schedule('0 8 * * 0'), '2026-01-04T08:30Z')?.[0], '2026-01-04T08:00Z');
    });

    it('says when it changes next: to the start outside a window, to the end within one', () => {
      assert.equal(changeAfter(office, '2026-01-05T07:59:59.999Z'), '2026-01-05T08:00Z');
      assert.equal(changeAfter(office, '2026-01-05T08:00Z'), '2026-01-05T16:00Z');
      assert.equal(changeAfter(office, '2026-01-05T16:00Z'), '2026-01-06T08:00Z');
      assert.equal(changeAfter(office, '2026-01-09T16:00Z'), '2026-01-12T08:00Z');
    });

    it('gives the windows in the order of the schedules, with what they ask for', () => {
      const specs = [
        schedule('0 8 * * *', 'UTC', HOUR_MS, { name: 'late', kind: 'cap', replicas: 9 }),
        schedule('0 3 * * *', 'UTC', HOUR_MS, { name: 'never-now' }),
        schedule('30 8 * * *', 'UTC', HOUR_MS, { name: 'early', replicas: 1 }),
      ];
      const active = createCronerCalendar().activeAt(specs, Date.UTC(2026, 0, 5, 8, 45));
      assert.deepEqual(active, [
        {
          name: 'late',
          kind: 'cap',
          replicas: 9,
          fromMs: Date.UTC(2026, 0, 5, 8),
          untilMs: Date.UTC(2026, 0, 5, 9),
        },
        {
          name: 'early',
          kind: 'floor',
          replicas: 1,
          fromMs: Date.UTC(2026, 0, 5, 8, 30),
          untilMs: Date.UTC(2026, 0, 5, 9, 30),
        },
      ]);
    });

    it('crosses midnight and the end of the year', () => {
      const night = schedule('0 22 * * *', 'Europe/Berlin', 8 * HOUR_MS);
      assert.deepEqual(windowAt(night, '2026-01-01T00:30Z'), [
        '2025-12-31T21:00Z',
        '2026-01-01T05:00Z',
      ]);
    });
  });

  describe('of windows that meet', () => {
    it('gives the one that began last where they overlap', () => {
      const spec = schedule('0 */2 * * *', 'UTC', 3 * HOUR_MS);
      assert.deepEqual(windowAt(spec, '2026-01-05T02:30Z'), [
        '2026-01-05T02:00Z',
        '2026-01-05T05:00Z',
      ]);
    });

    it('is always in force where they leave no gap, and foresees no change', () => {
      const spec = schedule('0 8 * * *', 'Europe/Berlin', 25 * HOUR_MS);
      for (let hour = 0; hour < 24 * 10; hour += 1) {
        assert.notEqual(windowAt(spec, Date.UTC(2026, 2, 25, hour)), null);
      }
      assert.equal(changeAfter(spec, '2026-03-25T00:00Z'), null);
    });

    it('takes a window that begins as another ends for its continuation', () => {
      const spec = schedule('0 8-11 * * *', 'UTC', HOUR_MS);
      assert.equal(changeAfter(spec, '2026-01-05T08:30Z'), '2026-01-05T12:00Z');
      assert.equal(
        changeAfter({ ...spec, durationMs: HOUR_MS - 1 }, '2026-01-05T08:30Z'),
        '2026-01-05T08:59:59.999Z',
      );
    });

    it('follows windows that overlap to the end of the last', () => {
      const spec = schedule('0 8-9 * * *', 'UTC', 90 * MINUTE_MS);
      assert.equal(changeAfter(spec, '2026-01-05T08:30Z'), '2026-01-05T10:30Z');
    });

    it('follows as many windows as it says', () => {
      // From each minute to the next, through the first hours of a day.
      const hours = WINDOWS_AHEAD_MAX / 60;
      const spec = schedule(`* 0-${hours - 1} * * *`, 'UTC', MINUTE_MS);
      assert.equal(changeAfter(spec, '2026-01-05T00:00Z'), `2026-01-05T${hours}:00Z`);
      const longer = schedule(`* 0-${hours} * * *`, 'UTC', MINUTE_MS);
      assert.equal(changeAfter(longer, '2026-01-05T00:59Z'), null);
      assert.equal(changeAfter(longer, '2026-01-05T01:00Z'), `2026-01-05T${hours + 1}:00Z`);
    });

    it('notices a day that is an hour longer than the window', () => {
      const spec = schedule('0 8 * * *', 'Europe/Berlin', 24 * HOUR_MS);
      assert.equal(windowAt(spec, '2026-10-25T06:30Z'), null);
      assert.equal(changeAfter(spec, '2026-10-24T12:00Z'), '2026-10-25T06:00Z');
    });
  });

  describe('where clocks change', () => {
    const HALF_PAST_TWO = schedule('30 2 * * *', 'Europe/Berlin');

    it('begins a window that the clock leaps over at the leap', () => {
      const window = ['2026-03-29T01:00Z', '2026-03-29T02:00Z'];
      assert.equal(windowAt(HALF_PAST_TWO, Date.UTC(2026, 2, 29, 1) - 1), null);
      assert.deepEqual(windowAt(HALF_PAST_TWO, '2026-03-29T01:00Z'), window);
      assert.equal(windowAt(HALF_PAST_TWO, '2026-03-29T02:00Z'), null);
    });

    it('begins a window that the clock shows twice at the first showing only', () => {
      const window = ['2026-10-25T00:30Z', '2026-10-25T01:30Z'];
      assert.deepEqual(windowAt(HALF_PAST_TWO, '2026-10-25T00:30Z'), window);
      assert.deepEqual(windowAt(HALF_PAST_TWO, '2026-10-25T01:29:59.999Z'), window);
      assert.equal(windowAt(HALF_PAST_TWO, '2026-10-25T01:30Z'), null);
    });

    it('begins the windows of a list in the same way', () => {
      const spec = schedule('30 2,14 * * *', 'Europe/Berlin');
      assert.equal(windowAt(spec, '2026-03-29T01:30Z')?.[0], '2026-03-29T01:00Z');
      assert.equal(windowAt(spec, '2026-10-25T01:30Z'), null);
    });

    it('begins an hourly window in every hour that passes, also in the repeated one', () => {
      const spec = schedule('0 * * * *', 'Europe/Berlin', 10 * MINUTE_MS);
      for (const hour of [22, 23, 24, 25, 26, 27]) {
        const startMs = Date.UTC(2026, 9, 24, hour);
        assert.equal(windowAt(spec, startMs)?.[0], iso(startMs));
        assert.equal(windowAt(spec, startMs + 10 * MINUTE_MS), null);
      }
    });

    it('has elapsed time for its duration', () => {
      const spec = schedule('0 0 * * *', 'Europe/Berlin', 24 * HOUR_MS);
      assert.equal(windowAt(spec, '2026-03-29T12:00Z')?.[1], '2026-03-29T23:00Z');
      // 23 hours later the next one has begun already.
      assert.equal(windowAt(spec, '2026-03-29T22:30Z')?.[0], '2026-03-29T22:00Z');
    });

    it('has no window on a day that a zone leaves out', () => {
      const spec = schedule('0 9 * * *', 'Pacific/Apia', HOUR_MS);
      assert.equal(windowAt(spec, '2011-12-29T19:30Z')?.[0], '2011-12-29T19:00Z');
      assert.equal(changeAfter(spec, '2011-12-29T20:00Z'), '2011-12-30T19:00Z');
      const friday = schedule('0 9 30 12 *', 'Pacific/Apia', HOUR_MS);
      assert.equal(changeAfter(friday, '2011-12-01T00:00Z'), '2012-12-29T19:00Z');
    });

    for (const [timeZone, aroundMs, what] of CHANGES) {
      it(`agrees with a clock read minute by minute: ${timeZone}, ${what}`, () => {
        const [fromMs, untilMs] = [aroundMs - 3 * DAY_MS, aroundMs + 3 * DAY_MS];
        const clock = readClock(timeZone, fromMs, untilMs);
        const list = (most: number) => fc.uniqueArray(fc.nat(most), { minLength: 1, maxLength: 3 });
        const fields = fc.record({
          minutes: fc.option(fc.oneof(fc.constant([0]), fc.constant([30]), list(59)), { freq: 6 }),
          hours: fc.option(fc.oneof(list(4), list(23), fc.constant([23])), { freq: 4 }),
          weekdays: fc.option(list(6), { freq: 1 }),
        });
        const duration = fc.integer({ min: 1, max: 5 * 60 }).map((minutes) => minutes * MINUTE_MS);
        const steps = fc.array(fc.integer({ min: -90, max: 400 }), {
          minLength: 30,
          maxLength: 60,
        });
        fc.assert(
          fc.property(
            fields,
            duration,
            steps,
            fc.constantFrom(0, 1, 29_500),
            (given, durationMs, walk, extraMs) => {
              const starts = startsOn(clock, given);
              const spec = schedule(cronOf(given), timeZone, durationMs);
              const calendar = createCronerCalendar();
              let atMs = fromMs + DAY_MS;
              for (const minutes of walk) {
                // Mostly on, now and then back, as a clock that is set right does.
                atMs = Math.max(fromMs + DAY_MS, atMs + minutes * MINUTE_MS);
                const nowMs = atMs + extraMs;
                if (nowMs >= untilMs - DAY_MS) break;
                const last = starts.findLast((startMs) => startMs <= nowMs);
                const inForce = last !== undefined && nowMs < last + durationMs;
                const [active] = calendar.activeAt([spec], nowMs);
                assert.deepEqual(
                  active === undefined ? null : [iso(active.fromMs), iso(active.untilMs)],
                  inForce ? [iso(last), iso(last + durationMs)] : null,
                  `${spec.cron} for ${durationMs / MINUTE_MS} min at ${new Date(nowMs).toISOString()}`,
                );
                if (inForce) continue;
                const next = starts.find((startMs) => startMs > nowMs);
                if (next !== undefined) assert.equal(calendar.nextChangeMs(spec, nowMs), next);
              }
            },
          ),
          { numRuns: 60 },
        );
      });
    }
  });

  describe('of long spans', () => {
    it('knows leap days, and the century that has none', () => {
      const spec = schedule('0 0 29 2 *', 'UTC', DAY_MS);
      assert.equal(windowAt(spec, '2024-02-29T12:00Z')?.[0], '2024-02-29T00:00Z');
      assert.equal(windowAt(spec, '2026-02-28T12:00Z'), null);
      assert.equal(changeAfter(spec, '2026-01-01T00:00Z'), '2028-02-29T00:00Z');
      assert.equal(changeAfter(spec, '2096-03-01T00:00Z'), '2104-02-29T00:00Z');
    });

    it('knows the last day of a month and its last Friday', () => {
      assert.equal(changeAfter(schedule('0 0 L * *'), '2026-02-01T00:00Z'), '2026-02-28T00:00Z');
      assert.equal(
        changeAfter(schedule('0 0 * * FRI#L'), '2026-02-01T00:00Z'),
        '2026-02-27T00:00Z',
      );
    });

    it('holds a window that began most of a year ago', () => {
      const spec = schedule('0 0 1 1 *', 'UTC', 365 * DAY_MS);
      assert.deepEqual(windowAt(spec, '2026-12-31T23:59Z'), [
        '2026-01-01T00:00Z',
        '2027-01-01T00:00Z',
      ]);
      assert.equal(windowAt(spec, '2028-12-31T12:00Z'), null);
    });

    it('reads clocks of the far past and the far future', () => {
      const spec = schedule('0 8 * * *', 'Europe/Berlin', HOUR_MS);
      assert.equal(windowAt(spec, '1905-06-01T07:30Z')?.[0], '1905-06-01T07:00Z');
      assert.equal(windowAt(spec, '2800-01-15T07:30Z')?.[0], '2800-01-15T07:00Z');
      assert.notEqual(createCronerCalendar().nextChangeMs(spec, CALENDAR_FROM_MS), null);
      assert.notEqual(createCronerCalendar().nextChangeMs(spec, CALENDAR_UNTIL_MS - 1), null);
    });

    it('never begins a window on a day that does not exist', () => {
      const spec = schedule('0 0 30 2 *');
      assert.equal(windowAt(spec, '2026-03-01T00:00Z'), null);
      assert.equal(changeAfter(spec, '2026-03-01T00:00Z'), null);
    });
  });

  describe('of what it cannot read', () => {
    const BROKEN: readonly [what: string, spec: ScheduleSpec, nowMs: number, message: RegExp][] = [
      [
        'a cron text',
        schedule('0 25 * * *'),
        0,
        /^schedule office: cron "0 25 \* \* \*" in UTC cannot be read: .*hour/,
      ],
      ['seconds', schedule('0 0 8 * * *'), 0, /exactly 5 parts/],
      ['a zone', schedule('0 8 * * *', 'Mars/Olympus'), 0, /Mars\/Olympus/],
      [
        'a time before the calendar',
        schedule('0 8 * * *'),
        CALENDAR_FROM_MS - 1,
        /beyond the calendar/,
      ],
      [
        'a time after the calendar',
        schedule('0 8 * * *'),
        CALENDAR_UNTIL_MS,
        /beyond the calendar/,
      ],
      ['no time', schedule('0 8 * * *'), NaN, /beyond the calendar/],
    ];
    for (const [what, spec, nowMs, message] of BROKEN) {
      it(`says so, each time it is asked: ${what}`, () => {
        const calendar = createCronerCalendar();
        for (let ask = 0; ask < 2; ask += 1) {
          assert.throws(
            () => calendar.activeAt([spec], nowMs),
            (error) => {
              assert.ok(error instanceof CalendarError);
              assert.equal(error.schedule, 'office');
              assert.match(error.message, message);
              return true;
            },
          );
          assert.throws(() => calendar.nextChangeMs(spec, nowMs), CalendarError);
        }
      });
    }

    it('goes on reading the schedules that it can', () => {
      const calendar = createCronerCalendar();
      assert.throws(() => calendar.activeAt([schedule('x 8 * * *')], 0), CalendarError);
      assert.deepEqual(calendar.activeAt([schedule('0 8 * * *')], 0), []);
    });
  });

  it('answers for more schedules than it keeps', () => {
    const calendar = createCronerCalendar(2);
    const specs = Array.from({ length: 24 }, (_, hour) => schedule(`0 ${hour} * * *`));
    for (let hour = 0; hour < 24; hour += 1) {
      const active = calendar.activeAt(specs, Date.UTC(2026, 0, 5, hour, 30));
      assert.deepEqual(
        active.map(({ fromMs }) => iso(fromMs)),
        [iso(Date.UTC(2026, 0, 5, hour))],
      );
    }
  });

  it('answers each of two schedules that share their starts', () => {
    const calendar = createCronerCalendar();
    const specs = [
      schedule('0 8 * * *', 'UTC', HOUR_MS),
      schedule('0 8 * * *', 'UTC', 2 * HOUR_MS),
    ];
    assert.equal(calendar.activeAt(specs, Date.UTC(2026, 0, 5, 8)).length, 2);
    assert.equal(calendar.activeAt(specs, Date.UTC(2026, 0, 5, 9)).length, 1);
    const inZones = ['UTC', 'Europe/Berlin'].map((zone) => schedule('0 8 * * *', zone));
    assert.equal(calendar.activeAt(inZones, Date.UTC(2026, 0, 5, 8)).length, 1);
  });
});
