/**
 * Requests that a fake holds back until a test lets them go, one after the other in an order of its
 * choice: the way to have two leaders write into each other. A request whose sender has given up is
 * held and let go all the same, for it has arrived.
 */

import { setImmediate as turn } from 'node:timers/promises';

export interface HeldRequests {
  /** To be awaited by the fake before it looks at a request. */
  hold(): Promise<void>;
  /**
   * Lets the requests go, each time the one that `choose` picks among those that wait, until the work
   * is done and none of them waits.
   */
  drain(work: Promise<unknown>, choose: (waiting: number) => number): Promise<void>;
  /** From now on nothing is held. */
  open(): void;
}

/** Turns of the event loop in which whoever was answered gets to send its next request. */
const TURNS = 12;

export function holdRequests(): HeldRequests {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  return {
    hold() {
      if (isOpen) return Promise.resolve();
      return new Promise((resolve) => void waiting.push(resolve));
    },
    async drain(work, choose) {
      const state = { isDone: false };
      const ending = work.finally(() => {
        state.isDone = true;
      });
      const isOver = (): boolean => state.isDone && waiting.length === 0;
      while (!isOver()) {
        for (let count = 0; count < TURNS; count += 1) await turn();
        const [chosen] = waiting.splice(choose(waiting.length), 1);
        chosen?.();
      }
      await ending;
    },
    open() {
      isOpen = true;
      for (const release of waiting.splice(0)) release();
    },
  };
}

/** A command of one leader, with a number that no other command has. */
export interface RacingCommand {
  readonly leader: number;
  readonly term: number;
  readonly index: number;
  readonly replicas: number;
  /** Null: waits to its end; otherwise gives up after so many turns of the event loop. */
  readonly givesUpAfter: number | null;
}

export interface RaceEvent {
  readonly kind: 'written' | 'acknowledged';
  readonly replicas: number;
}

/** Of the writes that came after a newer command was acknowledged, those that are older than it. */
export function lateWrites(
  commands: readonly RacingCommand[],
  events: readonly RaceEvent[],
): readonly string[] {
  const rank = (replicas: number): number => {
    const command = commands.find((one) => one.replicas === replicas);
    return command === undefined ? -1 : command.term * 1_000 + command.index;
  };
  let newest = -1;
  return events.flatMap(({ kind, replicas }) => {
    if (kind === 'acknowledged') newest = Math.max(newest, rank(replicas));
    return kind === 'written' && rank(replicas) < newest
      ? [`${replicas} was written after ${newest} was acknowledged`]
      : [];
  });
}
