/** A collector that does what a test tells it to: answer, fail, or hang until it is let go. */

import type { Collector, Emit, Family } from '../../agents/collector.ts';

export type Behaviour = (emit: Emit, signal: AbortSignal) => Promise<void>;

export interface StagedCollector {
  readonly collector: Collector;
  readonly runs: () => number;
  readonly behave: (behaviour: Behaviour) => void;
}

export function stageCollector(
  name: string,
  families: readonly Family[],
  first: Behaviour,
): StagedCollector {
  let behaviour = first;
  let runs = 0;
  return {
    collector: {
      name,
      families,
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      collect(emit, signal) {
        runs++;
        return behaviour(emit, signal);
      },
    },
    runs: () => runs,
    behave: (next) => (behaviour = next),
  };
}
