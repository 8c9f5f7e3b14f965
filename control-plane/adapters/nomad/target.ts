/**
 * A scale target that tells Nomad how many allocations of a task group shall run. What it was told
 * stands in a Nomad variable (told.ts) before it answers: the next leader goes on where this one
 * stopped, and refuses what is older. Nomad places, stops and replaces the allocations; this registers
 * and stops no job, scales outside of its namespaces nothing, and leaves a removed workload's replicas
 * as they run.
 */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { isNomad } from '../../model/workload.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { unlessAborted } from '../replicas/aborted.ts';
import { isNewer } from '../replicas/fencing.ts';
import { createTurns } from '../replicas/turns.ts';
import type { InTurn } from '../replicas/turns.ts';
import { replicasOf } from './allocations.ts';
import type { NomadWorkload } from './allocations.ts';
import { createNomadApi, NomadError } from './api.ts';
import type { NomadApi } from './api.ts';
import { Claims } from './claims.ts';
import type { ClaimedGroup } from './claims.ts';
import { Groups, isSame, nameOf } from './groups.ts';
import type { GroupName } from './groups.ts';
import { NOMAD_LIMITS } from './settings.ts';
import type { NomadEvent, NomadLimits, NomadSettings } from './settings.ts';
import { Telling } from './telling.ts';
import { ToldVariables } from './told.ts';
import { checkVersion } from './version.ts';
import { GroupWatches } from './watches.ts';

export interface NomadScaleTarget extends ScaleTarget {
  /**
   * Finds what this owner scales and begins to follow it.
   * @throws ScaleTargetError `unavailable` | `rejected`
   */
  start(): Promise<void>;
  /** Ends the queries and the calls under way; the allocations run on. */
  stop(): Promise<void>;
}

export function createNomadTarget(settings: NomadSettings): NomadScaleTarget {
  const limits = { ...NOMAD_LIMITS, ...settings.limits };
  let running: Running | null = null;
  const active = (): Running => {
    if (running === null) throw new ScaleTargetError('unavailable', 'the target is not started');
    return running;
  };
  return {
    async start() {
      if (running !== null) throw new ScaleTargetError('unavailable', 'already started');
      const starting = new Running(settings, limits);
      try {
        await starting.start();
      } catch (error) {
        await starting.stop();
        throw refusalOf(error, 'the target nomad');
      }
      running = starting;
    },
    async stop() {
      const ending = running;
      running = null;
      await ending?.stop();
    },
    setReplicas: (workload, replicas, token, signal) =>
      unlessAborted(signal, () => active().setReplicas(workload, replicas, token, signal)),
    readReplicas: (workload, signal) =>
      unlessAborted(signal, () => active().readReplicas(workload)),
    listWorkloads: async () => active().listWorkloads(),
    removeWorkload: (workloadId, token, signal) =>
      unlessAborted(signal, () => active().removeWorkload(workloadId, token, signal)),
  };
}

/** The target between its start and its stop. */
class Running {
  readonly #settings: NomadSettings;
  readonly #limits: NomadLimits;
  readonly #inTurn: InTurn;
  readonly #api: NomadApi;
  readonly #claims: Claims;
  readonly #watches: GroupWatches;
  readonly #telling: Telling;
  readonly #ending = new AbortController();

  constructor(settings: NomadSettings, limits: NomadLimits) {
    const { owner } = settings;
    const tell = (event: NomadEvent): void => settings.onEvent?.(event);
    this.#settings = settings;
    this.#limits = limits;
    this.#inTurn = createTurns(limits.waitingMax);
    this.#api = createNomadApi(settings, limits);
    const groups = new Groups(this.#api, limits.itemsMax);
    const variables = new ToldVariables(this.#api, settings.variablesNamespace ?? 'default');
    this.#claims = new Claims({ variables, owner, limits, tell });
    this.#watches = new GroupWatches({ groups, limits, tell, signal: this.#ending.signal });
    this.#telling = new Telling({
      ...{ groups, variables, owner, tell, attemptsMax: limits.attemptsMax },
      mayAct: settings.mayAct ?? (() => true),
      onTold: (stored) => this.#claims.saw(stored),
      onScaled: (name, jobModifyIndex) => this.#watches.saw(name, jobModifyIndex),
    });
  }

  async start(): Promise<void> {
    const { signal } = this.#ending;
    const detail = await checkVersion(this.#api, signal);
    if (detail !== null) this.#settings.onEvent?.({ kind: 'version_unknown', detail });
    await this.#claims.start(signal);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all([this.#claims.close(), this.#watches.close()]);
    this.#api.close();
  }

  async setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const { id: workloadId } = workload;
    const group = this.#groupOf(workload, replicas);
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    await this.#inTurn(workloadId, async () => {
      const known = this.#claims.known().filter(({ claim }) => claim.workloadId === workloadId);
      const count = this.#watches.countOf(workloadId, group);
      if (!isTold(known, group, { workloadId, token, count })) {
        await translated(workloadId, () =>
          this.#telling.scale(group, { workloadId, replicas, token }, ended),
        );
      }
      // It has moved to another group: nothing is told to the old one any more.
      await this.#release(
        known.filter((claimed) => !isSame(claimed.group, group)),
        { workloadId, token },
        ended,
      );
    });
  }

  async readReplicas(workload: Workload): Promise<readonly Replica[]> {
    try {
      const accepted = this.#accepted(workload);
      return replicasOf(
        accepted,
        await this.#watches.allocations(workload.id, groupNameOf(accepted)),
      );
    } catch (error) {
      // Whatever the cause, to the one who looks it means that they are not known.
      const { message } = refusalOf(error, workload.id);
      throw new ScaleTargetError('unavailable', message, { cause: error });
    }
  }

  async listWorkloads(): Promise<readonly string[]> {
    const claimed = await translated('the target nomad', () =>
      this.#claims.read(this.#ending.signal),
    );
    return [...new Set(claimed.map(({ claim }) => claim.workloadId))].toSorted();
  }

  async removeWorkload(
    workloadId: string,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    await this.#inTurn(workloadId, async () => {
      const claimed = await translated(workloadId, () => this.#claims.read(ended));
      const own = claimed.filter(({ claim }) => claim.workloadId === workloadId);
      await this.#release(own, { workloadId, token }, ended);
    });
  }

  async #release(
    claimed: readonly ClaimedGroup[],
    command: { readonly workloadId: string; readonly token: FencingToken },
    signal: AbortSignal,
  ): Promise<void> {
    for (const { group } of claimed) {
      await translated(command.workloadId, () => this.#telling.release(group, command, signal));
    }
  }

  /** @throws ScaleTargetError `rejected` */
  #groupOf(workload: Workload, replicas: number): GroupName {
    const { replicasMax } = this.#limits;
    const group = groupNameOf(this.#accepted(workload));
    if (Number.isSafeInteger(replicas) && replicas >= 0 && replicas <= replicasMax) return group;
    const detail = `${replicas} is not a number of replicas from 0 to ${replicasMax}`;
    throw new ScaleTargetError('rejected', `${workload.id}: ${nameOf(group)}: ${detail}`);
  }

  /** @throws ScaleTargetError `rejected` */
  #accepted(workload: Workload): NomadWorkload {
    if (!isNomad(workload)) {
      const detail = `${workload.id}: its replicas are of the target ${workload.target.kind}`;
      throw new ScaleTargetError('rejected', detail);
    }
    if (this.#settings.namespaces.includes(workload.target.namespace)) return workload;
    throw new ScaleTargetError(
      'rejected',
      `${workload.id}: ${nameOf(groupNameOf(workload))} lies outside of the namespaces that this member may scale (${this.#settings.namespaces.join(', ')})`,
    );
  }
}

function groupNameOf({ target }: NomadWorkload): GroupName {
  const { region, namespace, jobId, group } = target;
  return { region, namespace, jobId, group };
}

/**
 * Whether the group is known to have been told this very thing, and to have kept it.
 * @throws ScaleTargetError `stale_token`
 */
function isTold(
  known: readonly ClaimedGroup[],
  group: GroupName,
  {
    workloadId,
    token,
    count,
  }: {
    readonly workloadId: string;
    readonly token: FencingToken;
    readonly count: number | null;
  },
): boolean {
  const held = known.find((claimed) => isSame(claimed.group, group));
  if (held === undefined) return false;
  const { token: newest } = held.stored.told;
  isNewer(workloadId, token, newest);
  const isNewest = compareTokens(token, newest) === 0;
  return isNewest && held.claim.isSettled && held.claim.replicas === count;
}

async function translated<T>(workloadId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error, workloadId);
  }
}

/** What a call's failure is to the one who gave the command. */
function refusalOf(cause: unknown, workloadId: string): ScaleTargetError {
  if (cause instanceof ScaleTargetError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  const failure = cause instanceof NomadError ? cause.failure : 'unavailable';
  const isLasting = ['missing', 'forbidden', 'refused'].includes(failure);
  return new ScaleTargetError(isLasting ? 'rejected' : 'unavailable', `${workloadId}: ${detail}`, {
    cause,
  });
}
