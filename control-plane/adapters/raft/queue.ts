/**
 * The frames that wait for a connection: two bounded lines. What elections depend on is urgent and
 * short and goes first, so that a heartbeat never waits behind megabytes; appends, chunks of snapshots
 * and requests keep their order among themselves. Nothing here knows of sockets.
 */

import type { Frame } from './frame.ts';

export interface Waiting {
  readonly frame: Frame;
  readonly bytes: number;
  /** Of a request that the frame answers: bytes that it holds until it has left; null otherwise. */
  readonly servedBytes: number | null;
}

export class SendQueue {
  readonly #framesMax: number;
  readonly #bytesMax: number;
  readonly #urgent = new Line();
  readonly #bulk = new Line();

  constructor(framesMax: number, bytesMax: number) {
    this.#framesMax = framesMax;
    this.#bytesMax = bytesMax;
  }

  get frames(): number {
    return this.#urgent.length + this.#bulk.length;
  }

  get bytes(): number {
    return this.#urgent.bytes + this.#bulk.bytes;
  }

  /** False: there is no room, and the frame was not taken. A line that is empty takes any frame. */
  push(waiting: Waiting): boolean {
    const line = isUrgent(waiting.frame) ? this.#urgent : this.#bulk;
    const isFull = line.length >= this.#framesMax || line.bytes + waiting.bytes > this.#bytesMax;
    if (isFull && line.length > 0) return false;
    line.push(waiting);
    return true;
  }

  /** The next frames in order, of together at most `bytesMax` bytes, but at least one. */
  take(bytesMax: number): readonly Waiting[] {
    const taken: Waiting[] = [];
    const room = this.#urgent.moveTo(taken, bytesMax);
    this.#bulk.moveTo(taken, room);
    return taken;
  }
}

class Line {
  #items: Waiting[] = [];
  #head = 0;
  bytes = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(waiting: Waiting): void {
    this.#items.push(waiting);
    this.bytes += waiting.bytes;
  }

  /** Returns the room that is left. */
  moveTo(taken: Waiting[], room: number): number {
    let left = room;
    for (;;) {
      const next = this.#items[this.#head];
      if (next === undefined) break;
      if (next.bytes > left && taken.length > 0) {
        this.#forgetTaken();
        return 0;
      }
      taken.push(next);
      left -= next.bytes;
      this.bytes -= next.bytes;
      this.#head += 1;
    }
    this.#items = [];
    this.#head = 0;
    return left;
  }

  /** At most as many times as the line doubles, so that taking stays cheap. */
  #forgetTaken(): void {
    if (this.#head < this.#items.length / 2) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

function isUrgent(frame: Frame): boolean {
  switch (frame.kind) {
    case 'request':
    case 'answer':
    case 'failure':
      return false;
    case 'message':
      return frame.message.kind !== 'append' && frame.message.kind !== 'snapshot_chunk';
    case 'about':
    case 'ping':
    case 'pong':
      return true;
  }
}
