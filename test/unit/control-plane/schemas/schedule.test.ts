import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z } from 'zod';
import type { ScheduleSpec } from '../../../../control-plane/model/schedule.ts';
import { list, parseDocument, strictObject } from '../../../../control-plane/schemas/document.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import {
  SCHEDULES_MAX,
  parseSchedule,
  scheduleDocument,
  scheduleDocumentOf,
  scheduleFaults,
} from '../../../../control-plane/schemas/schedule.ts';

const OFFICE = {
  name: 'office-hours',
  cron: '0 8 * * 1-5',
  timeZone: 'Europe/Berlin',
  duration: '8h',
  min: 6,
};

const faultsOf = (parse: () => unknown) => {
  try {
    parse();
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
};
/** The document with other fields; undefined leaves one out. */
const changed = (changes: Readonly<Record<string, unknown>>): unknown =>
  JSON.parse(JSON.stringify({ ...OFFICE, ...changes }));

/** A change to the document, the field that is at fault, and what is said of it. */
const FAULTY: readonly [
  changes: Readonly<Record<string, unknown>>,
  pointer: string,
  message: RegExp,
][] = [
  [{ name: undefined }, '/name', /required: expected a name/],
  [{ name: 'Office Hours' }, '/name', /a-z, 0-9 and -/],
  [{ cron: undefined }, '/cron', /required: expected five cron fields as text/],
  [{ cron: 8 }, '/cron', /got the number 8/],
  [
    { cron: '' },
    '/cron',
    /expected 5 fields \(minute, hour, day of month, month, day of week\); got 0/,
  ],
  [{ cron: '0 8 * *' }, '/cron', /got 4 in the text "0 8 \* \*"/],
  [
    { cron: '30 0 8 * * 1-5' },
    '/cron',
    /got 6: windows begin on the minute, leave the seconds out: 0 8 \* \* 1-5$/,
  ],
  [{ cron: '@daily' }, '/cron', /write the five fields: @daily is 0 0 \* \* \*/],
  [{ cron: '@REBOOT' }, '/cron', /got 1 in the text/],
  [
    { cron: '60 8 * * *' },
    '/cron',
    /^minute "60": expected \*, 0 to 59, lists, ranges or steps; as in \*\/15$/,
  ],
  [{ cron: '0 24 * * *' }, '/cron', /^hour "24": expected \*, 0 to 23/],
  [{ cron: '0 8 0 * *' }, '/cron', /^day of month "0": expected \*, 1 to 31 or L for the last/],
  [{ cron: '0 8 32 * *' }, '/cron', /^day of month "32"/],
  [{ cron: '0 8 * 13 *' }, '/cron', /^month "13": expected \*, 1 to 12 or JAN to DEC/],
  [{ cron: '0 8 * * 8' }, '/cron', /^day of week "8": expected \*, 0 to 7 \(0 and 7 are Sunday\)/],
  [{ cron: '0 8 * * MO' }, '/cron', /^day of week "MO"/],
  [{ cron: '0 8 1 * +MON' }, '/cron', /^day of week "\+MON"/],
  [{ cron: '? 8 * * *' }, '/cron', /^minute "\?": write \* for any/],
  [{ cron: '0 22-6 * * *' }, '/cron', /^hour "22-6": a range does not go over the end: write two/],
  [{ cron: '0 23-24 * * *' }, '/cron', /^hour "23-24": expected \*, 0 to 23/],
  [{ cron: '5/15 * * * *' }, '/cron', /^minute "5\/15"/],
  [{ cron: '0 8,,9 * * *' }, '/cron', /^hour "8,,9"/],
  [{ cron: '*/0 * * * *' }, '/cron', /^minute "\*\/0"/],
  [{ cron: '0 0 30 2 *' }, '/cron', /never happens: the months that it names have no such day/],
  [{ cron: '0 0 31 4,6,9,11 *' }, '/cron', /never happens/],
  [{ cron: `0 8 * * 1${' '.repeat(200)}` }, '/cron', /longer than 200 characters/],
  [
    { timeZone: 5 },
    '/timeZone',
    /expected a time zone as in Europe\/Berlin, or UTC; got the number 5/,
  ],
  [{ timeZone: '' }, '/timeZone', /got the text ""/],
  [{ timeZone: 'x'.repeat(65) }, '/timeZone', /expected a time zone.*; got the text "xxx/],
  [
    { timeZone: 'Europe/Berln' },
    '/timeZone',
    /there is no "Europe\/Berln"; did you mean Europe\/Berlin\?/,
  ],
  [{ timeZone: 'europe/berlin' }, '/timeZone', /did you mean Europe\/Berlin\?/],
  [{ timeZone: 'asia/kolkata' }, '/timeZone', /did you mean Asia\/Kolkata\?/],
  [{ timeZone: 'Berlin' }, '/timeZone', /did you mean Europe\/Berlin\?/],
  [{ timeZone: 'Berlni' }, '/timeZone', /did you mean Europe\/Berlin\?/],
  [{ timeZone: 'New York' }, '/timeZone', /did you mean America\/New_York\?/],
  [{ timeZone: 'utc' }, '/timeZone', /did you mean UTC\?/],
  [{ timeZone: 'PST' }, '/timeZone', /there is no "PST"$/],
  [{ timeZone: '+02:00' }, '/timeZone', /an offset knows no summer time/],
  [{ timeZone: 'UTC+2' }, '/timeZone', /an offset knows no summer time/],
  [{ timeZone: 'Mars/Olympus' }, '/timeZone', /there is no "Mars\/Olympus"$/],
  [{ duration: 8 }, '/duration', /write '8s'/],
  [{ duration: '59s' }, '/duration', /expected a duration from 1m to 8784h; got 59s/],
  [{ duration: '8785h' }, '/duration', /from 1m to 8784h/],
  [{ duration: undefined }, '/duration', /required/],
  [{ min: 0 }, '/min', /a whole number from 1 to 100000/],
  [{ min: 1.5 }, '/min', /a whole number/],
  [{ min: undefined, max: -1 }, '/max', /a whole number from 0 to 100000/],
  [{ min: undefined }, '', /exactly one of min \(a floor\) and max \(a cap\); got neither/],
  [
    { max: 9 },
    '',
    /exactly one of min \(a floor\) and max \(a cap\); got both; write two schedules/,
  ],
  [{ until: '17:00' }, '/until', /unknown field/],
];

describe('parseSchedule', () => {
  it('reads a floor', () => {
    assert.deepEqual(parseSchedule(OFFICE), {
      name: 'office-hours',
      kind: 'floor',
      cron: '0 8 * * 1-5',
      timeZone: 'Europe/Berlin',
      durationMs: 8 * 3_600_000,
      replicas: 6,
    });
  });

  it('reads a cap, also one of none', () => {
    const { kind, replicas } = parseSchedule(changed({ min: undefined, max: 0 }));
    assert.deepEqual({ kind, replicas }, { kind: 'cap', replicas: 0 });
  });

  it('takes UTC where no zone is given', () => {
    assert.equal(parseSchedule(changed({ timeZone: undefined })).timeZone, 'UTC');
  });

  it('leaves one space between the cron fields', () => {
    assert.equal(parseSchedule(changed({ cron: ' 0  8\t* * 1-5 ' })).cron, '0 8 * * 1-5');
  });

  for (const cron of [
    '*/15 * * * *',
    '0 0 L * *',
    '0 0 * * FRI#2',
    '0 0 * * fri#l',
    '0 9 15W * *',
    '0 0 29 2 *',
    '0 8 * JAN-MAR MON-FRI',
    '0,30 6-9,16-19 * * *',
    '0 0-23/2 * * *',
  ]) {
    it(`takes ${cron}`, () => assert.equal(parseSchedule(changed({ cron })).cron, cron));
  }

  for (const timeZone of [
    'UTC',
    'GMT',
    'Etc/GMT+5',
    'Asia/Kolkata',
    'US/Eastern',
    'Australia/Lord_Howe',
    'America/Argentina/Ushuaia',
    'Europe/Kyiv',
  ]) {
    it(`takes ${timeZone}`, () =>
      assert.equal(parseSchedule(changed({ timeZone })).timeZone, timeZone));
  }

  for (const [changes, pointer, message] of FAULTY) {
    it(`refuses ${JSON.stringify(changes).slice(0, 60)}`, () => {
      const faults = faultsOf(() => parseSchedule(changed(changes)));
      assert.deepEqual(
        faults.map((fault) => fault.pointer),
        [pointer],
      );
      assert.match(faults[0]?.message ?? '', message);
    });
  }

  it('says everything that is wrong at once', () => {
    const faults = faultsOf(() =>
      parseSchedule({ name: '', cron: '60 8 * * *', timeZone: 'x', duration: 1 }),
    );
    assert.deepEqual(faults.map(({ pointer }) => pointer).sort(), [
      '',
      '/cron',
      '/duration',
      '/name',
      '/name',
      '/timeZone',
    ]);
  });

  it('gives back what was written', () => {
    const spec: fc.Arbitrary<ScheduleSpec> = fc.record(
      {
        name: fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/),
        kind: fc.constantFrom('floor', 'cap'),
        cron: fc
          .tuple(
            fc.integer({ min: 0, max: 59 }),
            fc.integer({ min: 0, max: 23 }),
            fc.constantFrom('*', '1-5', 'MON'),
          )
          .map(([minute, hour, weekday]) => `${minute} ${hour} * * ${weekday}`),
        timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia'),
        durationMs: fc.integer({ min: 60_000, max: 366 * 24 * 3_600_000 }),
        replicas: fc.integer({ min: 1, max: 100_000 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(spec, (given) => {
        assert.deepEqual(parseSchedule(scheduleDocumentOf(given)), given);
      }),
    );
  });
});

describe('the schedules of a policy', () => {
  const holder = strictObject('a policy', {
    schedules: list('schedules', scheduleDocument, 0, SCHEDULES_MAX),
  });
  const parseAll = (schedules: readonly unknown[]) =>
    parseDocument(holder, { schedules }, (read) => scheduleFaults(read, ['schedules']));

  it('are each a floor or a cap, and each has a name of its own', () => {
    const both = changed({ name: 'both', max: 9 });
    const faults = faultsOf(() => parseAll([OFFICE, both, changed({ cron: 'x' })]));
    assert.deepEqual(
      faults.map(({ pointer }) => pointer),
      ['/schedules/2/cron', '/schedules/1', '/schedules/2/name'],
    );
    assert.match(faults[2]?.message ?? '', /"office-hours" is also the name of \/schedules\/0/);
  });

  it('are at most so many', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => changed({ name: `s${index}` }));
    assert.equal(parseAll(many(SCHEDULES_MAX)).schedules.length, SCHEDULES_MAX);
    assert.match(
      faultsOf(() => parseAll(many(SCHEDULES_MAX + 1)))[0]?.message ?? '',
      /got more than 32/,
    );
  });

  it('may be none, or no list at all for others to refuse', () => {
    assert.deepEqual(parseAll([]).schedules, []);
    const read = () => undefined;
    assert.deepEqual(scheduleFaults(read, ['schedules']), []);
  });

  it('have a JSON Schema', () => {
    const json = JSON.stringify(z.toJSONSchema(scheduleDocument, { io: 'input' }));
    for (const name of Object.keys(OFFICE)) assert.ok(json.includes(`"${name}"`), name);
  });
});
