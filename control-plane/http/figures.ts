/** Numbers, instants and durations as a person reads them on a page. UTC throughout; it reads no clock. */

const DATE_MS_MAX = 8_640_000_000_000_000;

/** 2026-11-22 10:00:05 UTC. */
export function instant(atMs: number): string {
  if (!(Math.abs(atMs) <= DATE_MS_MAX)) return `${atMs} ms`;
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** For the attribute `datetime`; empty when there is no such instant. */
export function isoInstant(atMs: number): string {
  return Math.abs(atMs) <= DATE_MS_MAX ? new Date(atMs).toISOString() : '';
}

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];

/** 850 ms, 5 s, 12.5 s, 2 min 5 s, 3 h 20 min: the two largest units. */
export function duration(ms: number): string {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${figure(ms / 1_000, 3)} s`;
  const parts: string[] = [];
  let left = Math.round(ms / 1_000) * 1_000;
  for (const [unitMs, name] of UNITS) {
    const count = Math.floor(left / unitMs);
    left -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** With so many digits that count: 4, 0.125, 12.35, 1.2e+9. */
export function figure(value: number, digits = 4): string {
  return String(Number(value.toPrecision(digits)));
}

/** A ratio as percent: 175 %. */
export function percent(ratio: number): string {
  return `${figure(ratio * 100, 3)} %`;
}

/** “1 replica”, “3 replicas”. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
