/** Numbers, times and durations of a report as a person reads them, and text that HTML cannot misread. */

/** Text within an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** JSON for a script element: no text in it can end the element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028');
}

/** A share of 1 in percent: 0.04, 2.1, 53. */
export function percent(ratio: number): string {
  const value = 100 * ratio;
  if (value === 0) return '0';
  if (Math.abs(value) < 0.005) return value > 0 ? '<0.01' : '>-0.01';
  if (Math.abs(value) < 1) return value.toFixed(2);
  return Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0);
}

/** At most three digits that count, thousands apart. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 10) return String(Number(value.toPrecision(2)));
  if (size < 100) return value.toFixed(size < 20 ? 1 : 0).replace(/\.0$/, '');
  return value.toFixed(0).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}

const DAY_MS = 86_400_000;

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [DAY_MS, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];

/** The two largest units: 14 d, 3 h 20 min, 45 s. */
export function duration(ms: number): string {
  const parts: string[] = [];
  let left = Math.round(ms / 1_000) * 1_000;
  for (const [unitMs, name] of UNITS) {
    const count = Math.floor(left / unitMs);
    left -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? `${Math.round(ms)} ms` : parts.join(' ');
}

/** 1995-07-13 09:00:15, UTC. */
export function instant(atMs: number): string {
  const { year, month, day } = dateOf(Math.floor(atMs / DAY_MS));
  const seconds = Math.floor((atMs - Math.floor(atMs / DAY_MS) * DAY_MS) / 1_000);
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)} ${clock.map(two).join(':')}`;
}

/** Days since 1970 as a date of the Gregorian calendar (H. Hinnant, chrono-compatible algorithms). */
function dateOf(days: number): {
  readonly year: number;
  readonly month: number;
  readonly day: number;
} {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - (365 * yearOfEra + leaps);
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
