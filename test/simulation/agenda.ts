/**
 * What is still to happen in a simulated world, by time: a binary heap. Events of the same moment come
 * in the order in which they were planned, so a run is the same each time. It runs nothing itself.
 */

interface Planned<Event> {
  readonly atMs: number;
  readonly order: number;
  readonly event: Event;
}

export class Agenda<Event> {
  /** Simulated time since the world began, in ms; fractions count. */
  nowMs = 0;
  /** Events planned so far. */
  planned = 0;
  readonly #heap: Planned<Event>[] = [];

  at(atMs: number, event: Event): void {
    const planned = { atMs: Math.max(atMs, this.nowMs), order: this.planned, event };
    this.planned += 1;
    let hole = this.#heap.length;
    this.#heap.push(planned);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || before(above, planned)) break;
      this.#heap[hole] = above;
      hole = parent;
    }
    this.#heap[hole] = planned;
  }

  after(delayMs: number, event: Event): void {
    this.at(this.nowMs + delayMs, event);
  }

  /** Moves the time to the next event and takes it; null when nothing is left. */
  take(): Event | null {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return null;
    if (this.#heap.length > 0) this.#sink(last);
    this.nowMs = first.atMs;
    return first.event;
  }

  #sink(planned: Planned<Event>): void {
    const heap = this.#heap;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      let least = heap[child];
      if (least === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, least)) {
        child += 1;
        least = right;
      }
      if (before(planned, least)) break;
      heap[hole] = least;
      hole = child;
    }
    heap[hole] = planned;
  }
}

function before<Event>(a: Planned<Event>, b: Planned<Event>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
