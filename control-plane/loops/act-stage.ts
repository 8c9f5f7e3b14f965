/**
 * The last stage of a tick: tells every scaling target the number that the state wants, under the
 * token that allowed it, and has the replicas of departed workloads stopped. It decides nothing and
 * remembers nothing: what could not be told now is told by the next tick, from the state.
 */

import { weakerMode } from '../model/mode.ts';
import { TARGET_KINDS } from '../model/workload.ts';
import type { TargetKind } from '../model/workload.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import { ScaleTargetError } from '../ports/scale-target.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import type { OpenSpan } from '../telemetry/span.ts';
import { valuesOf } from '../state/records.ts';
import { inTurns } from './in-turns.ts';
import { withDeadline } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import type { LoopLogger } from './logger.ts';
import type { ScaleTargets } from './sight.ts';

export interface ActOptions {
  readonly consensus: Consensus;
  readonly targets: ScaleTargets;
  readonly logger: LoopLogger;
  /** For all targets together, in ms. */
  readonly actTimeoutMs: number;
}

export interface ActPlace {
  /** The term that this tick may act in. */
  readonly term: number;
  readonly span: OpenSpan;
  readonly signal: AbortSignal;
}

/**
 * Tells all targets side by side. Resolves with the workloads whose target has been told what the
 * state wants; rejects when the signal aborts, and for nothing else.
 */
export async function tellTargets(
  options: ActOptions,
  { term, span, signal }: ActPlace,
): Promise<ReadonlySet<string>> {
  const told = await withDeadline(options.actTimeoutMs, signal, async (deadline) => {
    const stage = new ActStage(options, { term, span }, deadline);
    const [workloads] = await Promise.all([stage.tellDesired(), stage.removeDeparted()]);
    return workloads;
  });
  signal.throwIfAborted();
  return told;
}

class ActStage {
  readonly #options: ActOptions;
  readonly #span: OpenSpan;
  readonly #term: number;
  readonly #deadline: Deadline;

  constructor(options: ActOptions, place: Omit<ActPlace, 'signal'>, deadline: Deadline) {
    this.#options = options;
    this.#span = place.span;
    this.#term = place.term;
    this.#deadline = deadline;
  }

  /** The state as it is now, not as it was decided on: a stop in between must hold. */
  async tellDesired(): Promise<ReadonlySet<string>> {
    const state = this.#options.consensus.readState();
    const told = new Set<string>();
    const telling = await inTurns(valuesOf(state.workloads), async (entry) => {
      if (await this.#tell(state, entry)) told.add(entry.workload.id);
    });
    await Promise.all(telling);
    return told;
  }

  /** What a target runs and the state does not know was removed, perhaps just before a crash. */
  async removeDeparted(): Promise<void> {
    const { targets } = this.#options;
    await Promise.all(
      TARGET_KINDS.map((kind) => this.#removeDepartedFrom(kind, targets[kind] ?? null)),
    );
  }

  /** Asked at the last moment: a member that stood still may lead no more. */
  #mayAct(): boolean {
    return this.#options.consensus.leaseTerm() === this.#term;
  }

  async #tell(state: PlaneState, entry: WorkloadState): Promise<boolean> {
    const { workload, desired, desiredToken } = entry;
    if (!this.#mayAct()) return false;
    const target = this.#options.targets[workload.target.kind] ?? null;
    if (target === null || weakerMode(state.mode, entry.mode) !== 'act') return false;
    const { signal } = this.#deadline;
    return this.#attempt(workload.id, 'tell the scaling target', () =>
      target.setReplicas(workload, desired, desiredToken, signal),
    );
  }

  async #removeDepartedFrom(kind: TargetKind, target: ScaleTarget | null): Promise<void> {
    if (target === null) return;
    let running: readonly string[] = [];
    await this.#attempt(null, 'list the workloads of the scaling target', async () => {
      running = await target.listWorkloads();
    });
    await Promise.all(running.map((workloadId) => this.#removeOne(kind, target, workloadId)));
  }

  /**
   * State and token are read together and at the last moment: a token that is newer than the state
   * would be newer, too, than that of a workload put back under its old id in between, which its
   * target could then never be told of. A workload that lives in another kind of target now has
   * departed from this one.
   */
  async #removeOne(kind: TargetKind, target: ScaleTarget, workloadId: string): Promise<void> {
    const { consensus, logger } = this.#options;
    if (!this.#mayAct()) return;
    const { mode, workloads } = consensus.readState();
    // Its own term's first entry is applied: no entry of an older term can be newer than this.
    const token = { term: this.#term, index: consensus.status().appliedIndex };
    if (mode !== 'act' || workloads[workloadId]?.workload.target.kind === kind) return;
    logger.info({ workload: workloadId }, 'stopping the replicas of a removed workload');
    const { signal } = this.#deadline;
    const removed = await this.#attempt(workloadId, 'remove a workload from its target', () =>
      target.removeWorkload(workloadId, token, signal),
    );
    if (removed) this.#span.event('workload removed', { workload: workloadId });
  }

  /** Whether it worked; trouble is logged, is on the span, and stays with this one workload. */
  async #attempt(
    workload: string | null,
    doing: string,
    work: () => Promise<void>,
  ): Promise<boolean> {
    try {
      await this.#deadline.race(work);
      return true;
    } catch (err) {
      const failure = err instanceof ScaleTargetError ? err.failure : 'unavailable';
      this.#span.event('target failed', { ...(workload !== null && { workload }), doing, failure });
      this.#span.fail(err);
      this.#options.logger.warn({ workload, failure, err }, `could not ${doing}`);
      return false;
    }
  }
}
