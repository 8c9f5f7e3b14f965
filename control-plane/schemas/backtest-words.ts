/**
 * The small grammars of backtests, which files of arguments and API bodies share: instants, outages,
 * leader kills and the rules of signals. Each parser says what was wrong and what would be right.
 */

import { OUTAGE_KINDS, SIGNAL_RULES } from '../model/backtest.ts';
import type { KillPlan, Occurrence, OutagePlan, SignalMapping } from '../model/backtest.ts';
import { parseDuration } from './duration.ts';
import { SchemaError } from './fault.ts';

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}(?:\.\d{1,9})?))?\s*(Z|[+-]\d{2}:\d{2})?)?$/;

/** From this number on a time is in ms: the year 5138 in seconds, 1973 in ms. */
const MS_FROM = 1e11;

/**
 * UNIX ms of an RFC 3339 instant, a date (its beginning, UTC), or a number of UNIX seconds or ms; null
 * when it is none of them. Without a zone it is UTC.
 */
export function readInstant(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    const value = Number(trimmed);
    return value >= MS_FROM ? Math.round(value) : Math.round(value * 1_000);
  }
  const match = INSTANT.exec(trimmed);
  if (match === null) return null;
  const [, date = '', clock = '00:00', seconds = '00', zone = 'Z'] = match;
  const ms = Date.parse(`${date}T${clock}:${seconds}${zone}`);
  return Number.isNaN(ms) ? null : ms;
}

/** @throws SchemaError */
export function parseInstant(text: string): number {
  const ms = readInstant(text);
  if (ms === null) throw fault(`expected an instant such as 2026-11-01T00:00Z; got "${text}"`);
  return ms;
}

const PERIODS_MS: Readonly<Record<string, number>> = {
  hourly: 3_600_000,
  daily: 86_400_000,
  weekly: 604_800_000,
};

const OUTAGE_FORM = '[KIND:]DURATION@WHEN[#SIGNAL]';
const WHEN_FORM = 'hourly, daily, weekly, a period such as 6h, or an instant';

/**
 * `10m@daily`, `zero:5m@6h#load`, `stale:90s@2026-11-02T03:00Z`: an outage of that long, once in each
 * period at a drawn time or at one time, of one signal or of all.
 * @throws SchemaError
 */
export function parseOutage(text: string): OutagePlan {
  const match = /^(?:([a-z]+):)?([^@#:]+)@([^#]+)(?:#(.+))?$/.exec(text.trim());
  if (match === null) throw fault(`expected ${OUTAGE_FORM}, such as 10m@daily; got "${text}"`);
  const [, kindText = 'absent', lengthText = '', whenText = '', metric = null] = match;
  const kind = [...OUTAGE_KINDS, 'any' as const].find((known) => known === kindText);
  if (kind === undefined) {
    throw fault(`expected one of ${OUTAGE_KINDS.join(', ')}, any; got "${kindText}" in "${text}"`);
  }
  return { kind, durationMs: lengthOf(lengthText, text), when: whenOf(whenText, text), metric };
}

/**
 * `30s@daily`: nobody decides for so long, once in each period or at one time.
 * @throws SchemaError
 */
export function parseKill(text: string): KillPlan {
  const match = /^([^@]+)@(.+)$/.exec(text.trim());
  if (match === null) throw fault(`expected DURATION@WHEN, such as 30s@daily; got "${text}"`);
  return { gapMs: lengthOf(match[1] ?? '', text), when: whenOf(match[2] ?? '', text) };
}

/**
 * `utilization`, `busy:100`, `queue`, `total`: the rule, and the value at full use.
 * @throws SchemaError
 */
export function parseMapping(text: string): SignalMapping {
  const [ruleText = '', fullText, ...more] = text.trim().split(':');
  const rule = SIGNAL_RULES.find((known) => known === ruleText);
  if (rule === undefined || more.length > 0) {
    throw fault(
      `expected one of ${SIGNAL_RULES.join(', ')}, with the value at full use where it is not 1 (busy:100); got "${text}"`,
    );
  }
  const full = fullText === undefined ? 1 : Number(fullText);
  if (!(full > 0 && Number.isFinite(full))) {
    throw fault(`expected a value at full use above 0; got "${fullText ?? ''}" in "${text}"`);
  }
  return { rule, full };
}

function lengthOf(text: string, whole: string): number {
  const ms = attempt(() => parseDuration(text.trim()));
  if (ms === null || ms === 0) {
    throw fault(`expected a duration such as 10m before the @; got "${whole}"`);
  }
  return ms;
}

function whenOf(text: string, whole: string): Occurrence {
  const trimmed = text.trim();
  const named = Object.hasOwn(PERIODS_MS, trimmed) ? PERIODS_MS[trimmed] : undefined;
  if (named !== undefined) return { kind: 'every', periodMs: named };
  const periodMs = attempt(() => parseDuration(trimmed));
  if (periodMs !== null && periodMs > 0) return { kind: 'every', periodMs };
  const atMs = readInstant(trimmed);
  if (atMs === null) throw fault(`expected ${WHEN_FORM} after the @; got "${whole}"`);
  return { kind: 'at', atMs };
}

function attempt<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SchemaError) return null;
    throw error;
  }
}

function fault(message: string): SchemaError {
  return new SchemaError([{ pointer: '', message }]);
}
