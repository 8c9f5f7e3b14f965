/**
 * The monotonic clock of one simulated member: its own zero and its own speed, and never backwards.
 * How far it may be off is what the faults decide.
 */

export class MemberClock {
  #anchorMs = 0;
  #localMs: number;
  #rate = 1;

  /** @param startMs what it shows when the world begins */
  constructor(startMs: number) {
    this.#localMs = startMs;
  }

  /** Local ms that pass in one ms of the world. */
  get rate(): number {
    return this.#rate;
  }

  nowMs(worldMs: number): number {
    return this.#localMs + (worldMs - this.#anchorMs) * this.#rate;
  }

  setRate(worldMs: number, rate: number): void {
    this.#localMs = this.nowMs(worldMs);
    this.#anchorMs = worldMs;
    this.#rate = rate;
  }
}
