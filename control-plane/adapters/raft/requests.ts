/**
 * The two halves of asking over a connection: what this side asked and still waits for, and what the
 * other side asked and still has to be answered. Both are bounded. An aborted request is forgotten
 * here; the other side may still do it.
 */

import { TransportError } from '../../ports/raft-transport.ts';

const ID_MAX = 2 ** 32 - 1;

export class AskedRequests {
  readonly #waiting = new Map<number, Asked>();
  #lastId = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `send` with the id under which the answer will come, unless the signal is aborted already. */
  ask(signal: AbortSignal, send: (id: number) => void): Promise<Uint8Array> {
    if (signal.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      const id = this.#freeId();
      const asked = new Asked(signal, resolve, reject, () => this.#waiting.delete(id));
      this.#waiting.set(id, asked);
      signal.addEventListener('abort', asked, { once: true });
      send(id);
    });
  }

  /** What nobody waits for any more is ignored, like everything that is said about it. */
  answer(id: number, payload: Uint8Array): void {
    this.#take(id)?.resolve(payload);
  }

  fail(id: number, message: string): void {
    this.#take(id)?.reject(new TransportError(message));
  }

  failAll(message: string): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, message);
  }

  #take(id: number): Asked | undefined {
    const asked = this.#waiting.get(id);
    if (asked === undefined) return undefined;
    this.#waiting.delete(id);
    asked.signal.removeEventListener('abort', asked);
    return asked;
  }

  #freeId(): number {
    do {
      this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
    } while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }
}

class Asked {
  readonly signal: AbortSignal;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: TransportError) => void;
  readonly #forget: () => void;

  constructor(
    signal: AbortSignal,
    resolve: (payload: Uint8Array) => void,
    reject: (error: TransportError) => void,
    forget: () => void,
  ) {
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
    this.#forget = forget;
  }

  handleEvent(): void {
    this.#forget();
    this.reject(aborted(this.signal));
  }
}

export function aborted(signal: AbortSignal): TransportError {
  return new TransportError('the request was aborted', { cause: signal.reason });
}

/** How much of the other side's asking is under way here, its unsent answers included. */
export class ServedRequests {
  readonly #countMax: number;
  readonly #bytesMax: number;
  #count = 0;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  /** False when it is too much: the request is not to be served. */
  begin(bytes: number): boolean {
    if (this.#count >= this.#countMax) return false;
    if (this.#count > 0 && this.#bytes + bytes > this.#bytesMax) return false;
    this.#count += 1;
    this.#bytes += bytes;
    return true;
  }

  end(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
  }
}
