/**
 * Time zones by their IANA name, checked against the time zone database of the engine. Refuses bare
 * offsets and abbreviations that name no zone, since neither knows when clocks change.
 */

import { z } from 'zod';
import { nearestWord } from '../model/nearest-word.ts';
import { describeValue, expected } from './document.ts';

const NAME_LENGTH_MAX = 64;
const EXPECTED = 'a time zone as in Europe/Berlin, or UTC';

/** The name of a zone. */
export function timeZoneText() {
  return z
    .string({ error: (issue) => expected(EXPECTED, issue.input) })
    .check((context) => {
      const message = zoneFault(context.value);
      if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
    })
    .meta({
      description: 'IANA name of the time zone whose clock the cron fields are read on.',
      examples: ['Europe/Berlin'],
      maxLength: NAME_LENGTH_MAX,
    });
}

function zoneFault(zone: string): string | null {
  if (zone === '' || zone.length > NAME_LENGTH_MAX) {
    return `expected ${EXPECTED}; got ${describeValue(zone)}`;
  }
  if (/^[+-]?\d|^(?:UTC|GMT)[+-]/.test(zone)) {
    return `expected ${EXPECTED}; an offset knows no summer time: got ${describeValue(zone)}`;
  }
  const names = zoneNames();
  const meant = isKnownToEngine(zone) ? speltOut(zone, names) : meantBy(zone, names);
  if (meant === zone) return null;
  const advice = meant === null ? '' : `; did you mean ${meant}?`;
  return `expected ${EXPECTED}; there is no ${JSON.stringify(zone)}${advice}`;
}

/**
 * The engine takes names in any letters and knows more than it lists: Asia/Kolkata, US/Eastern. It
 * also takes abbreviations, some of which say nothing of summer time (EST) while others do (PST).
 */
function speltOut(zone: string, names: readonly string[]): string | null {
  const listed = names.find((name) => name.toLowerCase() === zone.toLowerCase());
  if (listed !== undefined) return listed;
  if (!zone.includes('/')) return null;
  return /(?:^|[/_-])[a-z]/.test(zone) ? capitalized(zone) : zone;
}

function capitalized(zone: string): string {
  return zone.replaceAll(/(?:^|[/_-])[a-z]/g, (letters) => letters.toUpperCase());
}

function zoneNames(): readonly string[] {
  return [...Intl.supportedValuesOf('timeZone'), 'UTC', 'GMT'];
}

function isKnownToEngine(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== '';
  } catch {
    return false;
  }
}

/** The zone of a city first, then the name that looks most like it. */
function meantBy(zone: string, names: readonly string[]): string | null {
  const cities = new Map(names.map((name) => [cityOf(name), name]));
  const byCity = cities.get(cityOf(zone));
  if (byCity !== undefined) return byCity;
  const whole = nearestWord(zone.replaceAll(' ', '_'), names);
  if (whole !== null || zone.includes('/')) return whole;
  const city = nearestWord(cityOf(zone), [...cities.keys()]);
  return city === null ? null : (cities.get(city) ?? null);
}

/** `berlin` of Europe/Berlin, `new_york` of New York. */
function cityOf(zone: string): string {
  return zone
    .slice(zone.lastIndexOf('/') + 1)
    .replaceAll(' ', '_')
    .toLowerCase();
}
