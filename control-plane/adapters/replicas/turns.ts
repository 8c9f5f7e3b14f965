/** Has the commands of each key done one after the other, and a bounded number of them wait. */

import { ScaleTargetError } from '../../ports/scale-target.ts';

export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Rejects with ScaleTargetError `unavailable` when too many wait already. */
export function createTurns(waitingMax: number): InTurn {
  const turns = new Map<string, { last: Promise<unknown>; waiting: number }>();
  return async (key, work) => {
    const turn = turns.get(key) ?? { last: Promise.resolve(), waiting: 0 };
    if (turn.waiting >= waitingMax) {
      throw new ScaleTargetError('unavailable', `${key}: too many commands wait`);
    }
    turns.set(key, turn);
    turn.waiting += 1;
    const done = turn.last.then(work);
    turn.last = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      turn.waiting -= 1;
      if (turn.waiting === 0) turns.delete(key);
    }
  };
}
