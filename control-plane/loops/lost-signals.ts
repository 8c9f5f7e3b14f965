/**
 * Shows which signals the last decision for a workload could not use, or only in part, and why. Apart
 * from the verdict, whose one reason may be another's: a second metric that goes out, an action under
 * way and a bound all hide from it that a signal is lost. What is usable again is taken back.
 */

import type { Proposal } from '../model/decision.ts';
import type { Series } from '../telemetry/series.ts';

interface LostSignal {
  readonly metric: string;
  readonly reason: string;
}

export class LostSignals {
  readonly #series: Series;
  /** By workload; only those that have lost one. */
  readonly #shown = new Map<string, readonly LostSignal[]>();

  constructor(series: Series) {
    this.#series = series;
  }

  show(workload: string, proposals: readonly Proposal[]): void {
    const lost = proposals.flatMap((proposal): readonly LostSignal[] => {
      const reason = proposal.kind === 'none' ? proposal.reason : proposal.limited;
      return reason === null ? [] : [{ metric: proposal.metric, reason }];
    });
    for (const one of this.#shown.get(workload) ?? []) {
      const stays = lost.some(
        ({ metric, reason }) => metric === one.metric && reason === one.reason,
      );
      if (!stays) this.#series.signalLost.remove({ workload, ...one });
    }
    for (const one of lost) this.#series.signalLost.set({ workload, ...one }, 1);
    if (lost.length > 0) this.#shown.set(workload, lost);
    else this.#shown.delete(workload);
  }

  /** Nothing is decided for the workload here any more. */
  takeBack(workload: string): void {
    this.show(workload, []);
  }
}
