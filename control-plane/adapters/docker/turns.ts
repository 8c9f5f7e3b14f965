/** Has the commands of each key done one after the other, and a bounded number of them wait. */

import { ScaleTargetError } from '../../ports/scale-target.ts';

/** Rejects with ScaleTargetError `unavailable` when too many wait already. */
export function createTurns(waitingMax: number) {
  const turns = new Map<string, { last: Promise<unknown>; waiting: number }>();
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
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
