/**
 * Keeps long runs of zeros out of what is written, for a sector of zeros is one that was never
 * written (sectors.ts). A payload with such a run is XORed with one byte, which is put before it.
 * Text has none; the common payload costs four looks and is left as it is.
 */

/** Every run of at least twice that many equal bytes holds two steps and all that is between. */
const STEP_BYTES = 64;

/**
 * The byte that leaves no run of 128 zeros or more; null when the payload has none as it is. A payload
 * with a long run of every value there is cannot be mended so, and is taken as it is: 16 KiB made
 * for the purpose.
 */
export function maskNeeded(payload: Uint8Array): number | null {
  let found = false;
  for (let at = 0; at + STEP_BYTES < payload.length && !found; at += STEP_BYTES) {
    found = payload[at] === 0 && payload[at + STEP_BYTES] === 0 && isRun(payload, at);
  }
  if (!found) return null;
  const taken = new Set<number | undefined>();
  for (let at = 0; at + STEP_BYTES < payload.length; at += STEP_BYTES) {
    if (isRun(payload, at)) taken.add(payload[at]);
  }
  for (let mask = 1; mask < 256; mask += 1) if (!taken.has(mask)) return mask;
  return null;
}

/** Writes the mask and, behind it, the masked payload. */
export function maskInto(
  into: Uint8Array,
  offset: number,
  payload: Uint8Array,
  mask: number,
): void {
  into[offset] = mask;
  for (let at = 0; at < payload.length; at += 1) {
    into[offset + 1 + at] = (payload[at] ?? 0) ^ mask;
  }
}

/** The payload of what `maskInto` wrote. */
export function unmasked(stored: Uint8Array): Uint8Array {
  const mask = stored[0] ?? 0;
  return stored.slice(1).map((byte) => byte ^ mask);
}

function isRun(payload: Uint8Array, from: number): boolean {
  const value = payload[from];
  for (let at = from + 1; at <= from + STEP_BYTES; at += 1) if (payload[at] !== value) return false;
  return true;
}
