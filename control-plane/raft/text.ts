/** Text as the payload of an entry, in UTF-8. Node's Buffer is not for the core; these are JavaScript's. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true });

export function bytesOf(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** @throws TypeError for bytes that are not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}
