/**
 * Durations as people write them: a number and one unit, `300s`, `5m`, `1.5m`, `250ms`. A bare
 * number is refused, because nobody can tell seconds from milliseconds by looking at it; compound
 * forms (`1h30m`) are refused, because one way to write a thing is enough.
 */

import { z } from 'zod';
import { describeValue } from './document.ts';
import { SchemaError } from './fault.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Largest unit first, for rendering. */
const RENDERED: readonly (readonly [unit: string, ms: number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

const EXPECTED = 'expected a duration such as 30s or 5m';

/** The same grammar, for OpenAPI. */
const PATTERN = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h)$/;

/**
 * Parses a duration.
 * @returns whole milliseconds, 0 or more
 * @throws SchemaError with one fault that names the fix
 */
export function parseDuration(value: unknown): number {
  const reading = readDuration(value);
  if (reading.kind === 'fault') throw new SchemaError([{ pointer: '', message: reading.message }]);
  return reading.ms;
}

/** Writes whole milliseconds in the largest unit that divides them: 300000 is `5m`, 90000 `90s`. */
export function renderDuration(ms: number): string {
  if (ms === 0) return '0s';
  const found = RENDERED.find(([, unitMs]) => ms % unitMs === 0);
  return found === undefined ? `${ms}ms` : `${ms / found[1]}${found[0]}`;
}

/** A duration as text within bounds, both inclusive. The schema keeps the text; see parseDuration. */
export function durationText(minMs: number, maxMs: number) {
  return z
    .string({ error: (issue) => messageOf(issue.input) })
    .check((context) => {
      const message = faultOf(context.value, minMs, maxMs);
      if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
    })
    .meta({
      description: `A duration: number and unit (ms, s, m, h), from ${renderDuration(minMs)} to ${renderDuration(maxMs)}.`,
      format: 'duration-text',
      pattern: PATTERN.source,
    });
}

type Reading =
  | { readonly kind: 'duration'; readonly ms: number }
  | { readonly kind: 'fault'; readonly message: string };

function readDuration(value: unknown): Reading {
  if (typeof value !== 'string') return { kind: 'fault', message: messageOf(value) };
  const match = PATTERN.exec(value);
  const unitMs = match?.[2] === undefined ? undefined : UNITS_MS[match[2]];
  if (match === null || unitMs === undefined) return { kind: 'fault', message: messageOf(value) };
  // Rounded to a microsecond first: 1.1 s is 1100 ms, not 1100.0000000000002.
  const ms = Math.round(Number(match[1]) * unitMs * 1_000) / 1_000;
  if (!Number.isSafeInteger(ms)) {
    return { kind: 'fault', message: `expected whole milliseconds; got ${describeValue(value)}` };
  }
  return { kind: 'duration', ms };
}

function faultOf(value: string, minMs: number, maxMs: number): string | null {
  const reading = readDuration(value);
  if (reading.kind === 'fault') return reading.message;
  if (reading.ms < minMs || reading.ms > maxMs) {
    return `expected a duration from ${renderDuration(minMs)} to ${renderDuration(maxMs)}; got ${value}`;
  }
  return null;
}

function messageOf(value: unknown): string {
  if (value === undefined) return `required: ${EXPECTED}`;
  const fix = fixOf(value);
  return `${EXPECTED}; got ${describeValue(value)}${fix === null ? '' : `: ${fix}`}`;
}

/** What the writer probably meant; null when there is no telling. */
function fixOf(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) {
    return `a number has no unit, write '${value}s'`;
  }
  if (typeof value !== 'string') return null;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return `a number has no unit, write '${text}s'`;
  if (/^(\d+(\.\d+)?(ms|s|m|h)){2,}$/.test(text)) return `use one unit, as in '90m'`;
  if (/^\d+(\.\d+)?\s*d(ays?)?$/.test(text)) return `days are written in hours, as in '24h'`;
  if (/^\d/.test(text)) return `the units are ms, s, m and h, with no space before them`;
  return null;
}
