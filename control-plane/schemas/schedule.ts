/**
 * Schedules as operators write them within a policy: from when, how long, and at least or at most how
 * many replicas. Refuses a window whose start cannot happen and a schedule that is both floor and cap.
 */

import { z } from 'zod';
import type { ScheduleSpec } from '../model/schedule.ts';
import { cronText, plainCron } from './cron.ts';
import { parseDocument, type ReadField, slug, strictObject, wholeNumber } from './document.ts';
import { durationText, parseDuration, renderDuration } from './duration.ts';
import { type Fault, pointerOf } from './fault.ts';
import { timeZoneText } from './time-zone.ts';

/** Schedules of one policy. */
export const SCHEDULES_MAX = 32;

const SCHEDULE_REPLICAS_MAX = 100_000;
const MINUTE_MS = 60_000;
const LEAP_YEAR_MS = 366 * 24 * 3_600_000;

const scheduleName = slug('a name');

export const scheduleDocument = strictObject('a schedule', {
  name: scheduleName.meta({ description: 'Unique within the policy.', examples: ['office-hours'] }),
  cron: cronText(),
  timeZone: timeZoneText().default('UTC'),
  duration: durationText(MINUTE_MS, LEAP_YEAR_MS).meta({
    description: 'Elapsed time from the start of a window to its end, from 1m to 8784h.',
    examples: ['8h'],
  }),
  min: wholeNumber(1, SCHEDULE_REPLICAS_MAX)
    .optional()
    .meta({ description: 'At least so many replicas within the window.' }),
  max: wholeNumber(0, SCHEDULE_REPLICAS_MAX).optional().meta({
    description: 'At most so many replicas within the window; goes before every min.',
  }),
}).meta({
  id: 'Schedule',
  description: 'A recurring window with a floor or a cap: exactly one of min and max.',
});

/** A schedule document with its defaults filled in. */
export type ScheduleDocument = z.output<typeof scheduleDocument>;

/**
 * Parses one schedule.
 * @throws SchemaError with every fault
 */
export function parseSchedule(document: unknown): ScheduleSpec {
  return scheduleOf(parseDocument(scheduleDocument, document, (read) => boundsFaults(read, [])));
}

/** The faults of a list of schedules that the fields by themselves do not show. */
export function scheduleFaults(read: ReadField, path: readonly PropertyKey[]): readonly Fault[] {
  const entries = read(path, z.array(z.unknown())) ?? [];
  const indexes = [...entries.slice(0, SCHEDULES_MAX).keys()];
  return [
    ...indexes.flatMap((index) => boundsFaults(read, [...path, index])),
    ...duplicateNames(read, path, indexes),
  ];
}

/** The schedule of a parsed document without faults. */
export function scheduleOf(document: ScheduleDocument): ScheduleSpec {
  const { name, cron, timeZone, duration, min, max } = document;
  return {
    name,
    kind: min === undefined ? 'cap' : 'floor',
    cron: plainCron(cron),
    timeZone,
    durationMs: parseDuration(duration),
    replicas: min ?? max ?? 0,
  };
}

/** Writes a schedule as a document: parseSchedule(scheduleDocumentOf(s)) equals s. */
export function scheduleDocumentOf(spec: ScheduleSpec): ScheduleDocument {
  const { name, kind, cron, timeZone, durationMs, replicas } = spec;
  return {
    name,
    cron,
    timeZone,
    duration: renderDuration(durationMs),
    ...(kind === 'floor' ? { min: replicas } : { max: replicas }),
  };
}

function boundsFaults(read: ReadField, path: readonly PropertyKey[]): readonly Fault[] {
  const document = read(path, z.record(z.string(), z.unknown()));
  if (document === undefined) return [];
  const given = ['min', 'max'].filter((key) => document[key] !== undefined).length;
  if (given === 1) return [];
  const got = given === 0 ? 'neither' : 'both; write two schedules';
  const message = `expected exactly one of min (a floor) and max (a cap); got ${got}`;
  return [{ pointer: pointerOf(path), message }];
}

function duplicateNames(
  read: ReadField,
  path: readonly PropertyKey[],
  indexes: readonly number[],
): readonly Fault[] {
  const firstAt = new Map<string, number>();
  return indexes.flatMap((index) => {
    const name = read([...path, index, 'name'], scheduleName);
    if (name === undefined) return [];
    const first = firstAt.get(name);
    if (first === undefined) {
      firstAt.set(name, index);
      return [];
    }
    const message = `"${name}" is also the name of ${pointerOf([...path, first])}`;
    return [{ pointer: pointerOf([...path, index, 'name']), message }];
  });
}
