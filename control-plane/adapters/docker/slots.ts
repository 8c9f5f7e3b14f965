/** Lets a bounded number of pieces of work run at once; the others wait in the order they came. */

export type Slots = <T>(work: () => Promise<T>) => Promise<T>;

export function createSlots(max: number): Slots {
  const waiting: (() => void)[] = [];
  let free = max;
  return async (work) => {
    if (free > 0) free -= 1;
    // Whoever ends hands its place on.
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
