/**
 * Starts of windows, reckoned the slow way: the wall clock of a zone is read minute by minute, and
 * compared with the fields one by one. Shares nothing with what it is a reference for but the time
 * zone database.
 */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

/** Lists of allowed values; null for any. */
export interface PlainFields {
  readonly minutes: readonly number[] | null;
  readonly hours: readonly number[] | null;
  /** 0 is Sunday. */
  readonly weekdays: readonly number[] | null;
}

export function cronOf({ minutes, hours, weekdays }: PlainFields): string {
  const field = (allowed: readonly number[] | null) => allowed?.join(',') ?? '*';
  return `${field(minutes)} ${field(hours)} * * ${field(weekdays)}`;
}

interface Reading {
  readonly atMs: number;
  /** `2026-03-29`. */
  readonly date: string;
  /** Minutes since midnight on the wall clock. */
  readonly minute: number;
  readonly weekday: number;
}

/** What the clock shows at every minute, `fromMs` included, `untilMs` not. */
export function readClock(timeZone: string, fromMs: number, untilMs: number): readonly Reading[] {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const readings: Reading[] = [];
  for (let atMs = fromMs; atMs < untilMs; atMs += MINUTE_MS) {
    const [date = '', time = ''] = format.format(atMs).split(', ');
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    readings.push({ atMs, date, minute: hour * 60 + minute, weekday: weekdayOf(date) });
  }
  return readings;
}

/** When windows begin, ascending. */
export function startsOn(clock: readonly Reading[], fields: PlainFields): readonly number[] {
  return fields.minutes === null || fields.hours === null
    ? clock.filter((reading) => allows(fields, reading)).map(({ atMs }) => atMs)
    : startsAtFixedTimes(clock, fields, fields.hours, fields.minutes);
}

/** Once a day each: at the first showing, or at the first minute after it on a day that leaps over it. */
function startsAtFixedTimes(
  clock: readonly Reading[],
  { weekdays }: PlainFields,
  hours: readonly number[],
  minutes: readonly number[],
): readonly number[] {
  const starts = new Set<number>();
  for (const [date, shown] of Map.groupBy(clock, (reading) => reading.date)) {
    if (weekdays?.includes(weekdayOf(date)) === false) continue;
    for (const wanted of hours.flatMap((hour) => minutes.map((minute) => hour * 60 + minute))) {
      const start =
        shown.find(({ minute }) => minute === wanted) ??
        shown.find(({ minute }) => minute > wanted);
      if (start !== undefined) starts.add(start.atMs);
    }
  }
  return [...starts].sort((a, b) => a - b);
}

function allows({ minutes, hours, weekdays }: PlainFields, reading: Reading): boolean {
  return (
    minutes?.includes(reading.minute % 60) !== false &&
    hours?.includes(Math.floor(reading.minute / 60)) !== false &&
    weekdays?.includes(reading.weekday) !== false
  );
}

function weekdayOf(date: string): number {
  return (Math.floor(Date.parse(`${date}T00:00Z`) / DAY_MS) + 4) % 7;
}
