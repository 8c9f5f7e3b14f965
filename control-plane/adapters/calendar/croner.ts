/**
 * The calendar on croner and the time zone database of the engine. For each cron text and zone it
 * keeps the last start and the next one, and reckons anew only when the time asked for is not between
 * them; so asking at each tick costs a look-up. Policies that share cron and zone share the entry.
 *
 * Rests on three properties of croner, held by this adapter's tests against a reckoning of their own,
 * minute by minute: previousRuns takes in a run within the second that it is asked for, nextRun leaves
 * out the one at the very time, and both follow `fixedTimeRule: 'no-wildcard'` where clocks change.
 */

import { Cron } from 'croner';
import type { ActiveSchedule, ScheduleSpec } from '../../model/schedule.ts';
import { CalendarError } from '../../ports/calendar.ts';
import type { Calendar } from '../../ports/calendar.ts';

/** When more are asked for, the pair that has been kept longest makes room. */
const ENTRIES_MAX = 10_000;

/** Windows that run into one another are followed so far before nextChangeMs gives up. */
export const WINDOWS_AHEAD_MAX = 600;

/** Times outside are refused: before, zones have few rules; croner itself ends with the year 3000. */
export const CALENDAR_FROM_MS = Date.UTC(1900, 0, 1);
export const CALENDAR_UNTIL_MS = Date.UTC(2900, 0, 1);

/** @param entriesMax pairs of cron text and zone that are kept */
export function createCronerCalendar(entriesMax: number = ENTRIES_MAX): Calendar {
  return new CronerCalendar(entriesMax);
}

/** The starts on both sides of a time: `lastMs` ≤ time < `nextMs`; null where there is none. */
interface Starts {
  readonly kind: 'starts';
  readonly cron: Cron;
  readonly lastMs: number | null;
  readonly nextMs: number | null;
}

type Entry = Starts | { readonly kind: 'unreadable'; readonly cause: unknown };

class CronerCalendar implements Calendar {
  private readonly entries = new Map<string, Entry>();
  private readonly entriesMax: number;

  constructor(entriesMax: number) {
    this.entriesMax = entriesMax;
  }

  activeAt(specs: readonly ScheduleSpec[], nowMs: number): readonly ActiveSchedule[] {
    const active: ActiveSchedule[] = [];
    for (const spec of specs) {
      const { lastMs } = this.startsAround(spec, nowMs);
      if (lastMs === null || nowMs >= lastMs + spec.durationMs) continue;
      const { name, kind, replicas } = spec;
      active.push({ name, kind, replicas, fromMs: lastMs, untilMs: lastMs + spec.durationMs });
    }
    return active;
  }

  nextChangeMs(spec: ScheduleSpec, nowMs: number): number | null {
    const { cron, lastMs, nextMs } = this.startsAround(spec, nowMs);
    if (lastMs === null || nowMs >= lastMs + spec.durationMs) return nextMs;
    let endMs = lastMs + spec.durationMs;
    let followingMs = nextMs;
    for (let windows = 0; windows < WINDOWS_AHEAD_MAX; windows += 1) {
      if (followingMs === null || followingMs > endMs) return endMs;
      endMs = followingMs + spec.durationMs;
      followingMs = reckon(spec, () => startAfter(cron, followingMs ?? endMs));
    }
    return null;
  }

  private startsAround(spec: ScheduleSpec, nowMs: number): Starts {
    if (!(nowMs >= CALENDAR_FROM_MS && nowMs < CALENDAR_UNTIL_MS)) {
      throw new CalendarError(spec.name, `the time ${nowMs} is beyond the calendar`);
    }
    const key = `${spec.timeZone} ${spec.cron}`;
    const entry = this.entries.get(key) ?? this.readEntry(key, spec);
    if (entry.kind === 'unreadable') throw unreadable(spec, entry.cause);
    if (isBetween(entry, nowMs)) return entry;
    const starts = reckon(spec, () => moved(entry, nowMs));
    this.entries.set(key, starts);
    return starts;
  }

  private readEntry(key: string, spec: ScheduleSpec): Entry {
    const entry = read(spec);
    if (this.entries.size >= this.entriesMax) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    this.entries.set(key, entry);
    return entry;
  }
}

/** Nothing is known of its starts yet, which no time is between. */
function read(spec: ScheduleSpec): Entry {
  try {
    const cron = new Cron(spec.cron, {
      timezone: spec.timeZone,
      mode: '5-part',
      fixedTimeRule: 'no-wildcard',
    });
    return { kind: 'starts', cron, lastMs: Infinity, nextMs: -Infinity };
  } catch (cause) {
    return { kind: 'unreadable', cause };
  }
}

function isBetween({ lastMs, nextMs }: Starts, nowMs: number): boolean {
  return (lastMs === null || lastMs <= nowMs) && (nextMs === null || nowMs < nextMs);
}

/** One start further where that is enough, as it is when time goes on; otherwise from scratch. */
function moved({ cron, nextMs }: Starts, nowMs: number): Starts {
  if (nextMs !== null && Number.isFinite(nextMs) && nowMs >= nextMs) {
    const step: Starts = { kind: 'starts', cron, lastMs: nextMs, nextMs: startAfter(cron, nextMs) };
    if (isBetween(step, nowMs)) return step;
  }
  return { kind: 'starts', cron, lastMs: startUpTo(cron, nowMs), nextMs: startAfter(cron, nowMs) };
}

function startUpTo(cron: Cron, nowMs: number): number | null {
  return cron.previousRuns(1, new Date(Math.floor(nowMs) + 1))[0]?.getTime() ?? null;
}

function startAfter(cron: Cron, nowMs: number): number | null {
  return cron.nextRun(new Date(Math.floor(nowMs)))?.getTime() ?? null;
}

function reckon<T>(spec: ScheduleSpec, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw unreadable(spec, cause);
  }
}

function unreadable(spec: ScheduleSpec, cause: unknown): CalendarError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `cron ${JSON.stringify(spec.cron)} in ${spec.timeZone} cannot be read: ${why}`;
  return new CalendarError(spec.name, message, { cause });
}
