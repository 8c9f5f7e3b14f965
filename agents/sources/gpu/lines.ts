/**
 * Cuts a stream of bytes into lines and holds at most one unfinished line of a bounded size: what
 * grows beyond is thrown away up to the next line end and reported once. It does not look into
 * lines.
 */

export interface LineCutter {
  push(chunk: Uint8Array): void;
}

const NEWLINE = 10;

export function createLineCutter(
  bytesMax: number,
  onLine: (line: string) => void,
  onOversized: () => void,
): LineCutter {
  // Latin bytes of a split character stay in `pending` as bytes, so UTF-8 is decoded per whole line.
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let isSkipping = false;

  function keep(part: Uint8Array): void {
    if (isSkipping || part.length === 0) return;
    if (pendingBytes + part.length > bytesMax) {
      isSkipping = true;
      pending = [];
      pendingBytes = 0;
      onOversized();
      return;
    }
    pending.push(part);
    pendingBytes += part.length;
  }

  function finish(): void {
    const line = isSkipping ? null : Buffer.concat(pending).toString('utf8');
    pending = [];
    pendingBytes = 0;
    isSkipping = false;
    if (line !== null) onLine(line);
  }

  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        keep(chunk.subarray(start, end));
        finish();
        start = end + 1;
      }
      keep(chunk.subarray(start));
    },
  };
}
