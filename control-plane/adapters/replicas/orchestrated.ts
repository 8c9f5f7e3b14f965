/**
 * A target whose replicas an orchestrator runs: it is told the number of a place, an object or a group
 * of a job, and keeps it under a claim. Here is what such a target owes its callers whichever the
 * orchestrator is: one command of a workload at a time, no call for what was told already and has been
 * kept, no token that is older, and an end of claims on what the workload has left. It knows no
 * orchestrator, and starts and stops no replica.
 */

import type { FencingToken } from '../../model/decision.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import { refusalOf } from './call-failure.ts';
import type { FailureOf } from './call-failure.ts';
import { isNewer } from './fencing.ts';
import type { OrchestratorLimits } from './orchestrator-settings.ts';
import { startableTarget } from './startable.ts';
import type { RunningTarget, StartableTarget } from './startable.ts';
import type { Command, Release } from './told.ts';
import { createTurns } from './turns.ts';
import type { InTurn } from './turns.ts';

/** A place that this owner scales for a workload. */
export interface ClaimedPlace<Place> {
  readonly place: Place;
  readonly workloadId: string;
  /** The newest that it was told. */
  readonly token: FencingToken;
}

export interface KnownPlace<Place> extends ClaimedPlace<Place> {
  /** It is known to have the number that it was told. */
  readonly isKept: boolean;
}

/** Each call may throw a ScaleTargetError, or an error that `failureOf` tells of. */
export interface Orchestrator<Place> {
  /** e.g. `kubernetes`. */
  readonly name: string;
  readonly failureOf: FailureOf;
  start(): Promise<void>;
  /** After the signal that it was made with has aborted. */
  close(): Promise<void>;
  /** @throws ScaleTargetError `rejected` where this member may not scale it */
  placeOf(workload: Workload): Place;
  nameOf(place: Place): string;
  isSame(a: Place, b: Place): boolean;
  /** What is claimed for a workload whose place this is, as far as that is known without a request. */
  known(workloadId: string, place: Place): readonly KnownPlace<Place>[];
  /** All that this owner claims. */
  claimed(signal: AbortSignal): Promise<readonly ClaimedPlace<Place>[]>;
  scale(place: Place, command: Command, signal: AbortSignal): Promise<void>;
  release(place: Place, command: Release, signal: AbortSignal): Promise<void>;
  readReplicas(workload: Workload): Promise<readonly Replica[]>;
}

/** @param open makes the orchestrator; the signal ends what it has under way */
export function orchestratedTarget<Place>(
  limits: Pick<OrchestratorLimits, 'replicasMax' | 'waitingMax'>,
  open: (ending: AbortSignal) => Orchestrator<Place>,
): StartableTarget<[]> {
  return startableTarget(async () => {
    const ending = new AbortController();
    const orchestrator = open(ending.signal);
    const starting = new Running(orchestrator, limits, ending);
    try {
      await orchestrator.start();
    } catch (error) {
      await starting.stop();
      throw refusalOf(error, `the target ${orchestrator.name}`, orchestrator.failureOf);
    }
    return starting;
  });
}

/** The target between its start and its stop. */
class Running<Place> implements RunningTarget<[]> {
  readonly #orchestrator: Orchestrator<Place>;
  readonly #replicasMax: number;
  readonly #inTurn: InTurn;
  readonly #ending: AbortController;

  constructor(
    orchestrator: Orchestrator<Place>,
    limits: Pick<OrchestratorLimits, 'replicasMax' | 'waitingMax'>,
    ending: AbortController,
  ) {
    this.#orchestrator = orchestrator;
    this.#replicasMax = limits.replicasMax;
    this.#inTurn = createTurns(limits.waitingMax);
    this.#ending = ending;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#orchestrator.close();
  }

  async setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const command: Command = { workloadId: workload.id, replicas, token };
    const place = this.#placeOf(workload, replicas);
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    await this.#inTurn(workload.id, async () => {
      const known = this.#orchestrator.known(workload.id, place);
      if (!this.#isTold(known, place, command)) {
        await this.#translated(workload.id, () => this.#orchestrator.scale(place, command, ended));
      }
      // It has moved to another place: nothing is told to the old one any more.
      const left = known.filter((claimed) => !this.#orchestrator.isSame(claimed.place, place));
      await this.#release(left, command, ended);
    });
  }

  async replicasOf(workload: Workload): Promise<readonly Replica[]> {
    try {
      return await this.#orchestrator.readReplicas(workload);
    } catch (error) {
      // Whatever the cause, to the one who looks it means that they are not known.
      const { message } = refusalOf(error, workload.id, this.#orchestrator.failureOf);
      throw new ScaleTargetError('unavailable', message, { cause: error });
    }
  }

  async workloadIds(): Promise<readonly string[]> {
    const claimed = await this.#translated(`the target ${this.#orchestrator.name}`, () =>
      this.#orchestrator.claimed(this.#ending.signal),
    );
    return [...new Set(claimed.map(({ workloadId }) => workloadId))].toSorted();
  }

  async removeWorkload(
    workloadId: string,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    await this.#inTurn(workloadId, async () => {
      const claimed = await this.#translated(workloadId, () => this.#orchestrator.claimed(ended));
      const own = claimed.filter((one) => one.workloadId === workloadId);
      await this.#release(own, { workloadId, token }, ended);
    });
  }

  /**
   * Whether the place is known to have been told this very thing, and to have kept it.
   * @throws ScaleTargetError `stale_token`
   */
  #isTold(
    known: readonly KnownPlace<Place>[],
    place: Place,
    { workloadId, token }: Command,
  ): boolean {
    const held = known.find((claimed) => this.#orchestrator.isSame(claimed.place, place));
    if (held === undefined) return false;
    return !isNewer(workloadId, token, held.token) && held.isKept;
  }

  async #release(
    claimed: readonly ClaimedPlace<Place>[],
    { workloadId, token }: Release,
    signal: AbortSignal,
  ): Promise<void> {
    for (const { place } of claimed) {
      await this.#translated(workloadId, () =>
        this.#orchestrator.release(place, { workloadId, token }, signal),
      );
    }
  }

  /** @throws ScaleTargetError `rejected` */
  #placeOf(workload: Workload, replicas: number): Place {
    const place = this.#orchestrator.placeOf(workload);
    const max = this.#replicasMax;
    if (Number.isSafeInteger(replicas) && replicas >= 0 && replicas <= max) return place;
    const detail = `${replicas} is not a number of replicas from 0 to ${max}`;
    const name = this.#orchestrator.nameOf(place);
    throw new ScaleTargetError('rejected', `${workload.id}: ${name}: ${detail}`);
  }

  async #translated<T>(subject: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw refusalOf(error, subject, this.#orchestrator.failureOf);
    }
  }
}
