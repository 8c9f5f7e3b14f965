/**
 * A scale target that tells Nomad how many allocations of a task group shall run. What it was told
 * stands in a Nomad variable (told.ts) before it answers: the next leader goes on where this one
 * stopped, and refuses what is older. Nomad places, stops and replaces the allocations; this registers
 * and stops no job, scales outside of its namespaces nothing, and leaves a removed workload's replicas
 * as they run.
 */

import { isNomad } from '../../model/workload.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { requireTarget } from '../replicas/accepted.ts';
import { orchestratedTarget } from '../replicas/orchestrated.ts';
import type { ClaimedPlace, KnownPlace, Orchestrator } from '../replicas/orchestrated.ts';
import type { Command, Release } from '../replicas/told.ts';
import { replicasOf } from './allocations.ts';
import type { NomadWorkload } from './allocations.ts';
import { createNomadApi, failureIn } from './api.ts';
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
  return orchestratedTarget(limits, (ending) => new Nomad(settings, limits, ending));
}

class Nomad implements Orchestrator<GroupName> {
  readonly name = 'nomad';
  readonly failureOf = failureIn;
  readonly nameOf = nameOf;
  readonly isSame = isSame;
  readonly #settings: NomadSettings;
  readonly #api: NomadApi;
  readonly #claims: Claims;
  readonly #watches: GroupWatches;
  readonly #telling: Telling;
  readonly #ending: AbortSignal;

  constructor(settings: NomadSettings, limits: NomadLimits, ending: AbortSignal) {
    const { owner } = settings;
    const tell = (event: NomadEvent): void => settings.onEvent?.(event);
    this.#settings = settings;
    this.#ending = ending;
    this.#api = createNomadApi(settings, limits);
    const groups = new Groups(this.#api, limits.itemsMax);
    const variables = new ToldVariables(this.#api, settings.variablesNamespace ?? 'default');
    this.#claims = new Claims({ variables, owner, limits, tell });
    this.#watches = new GroupWatches({ groups, limits, tell, signal: ending });
    this.#telling = new Telling({
      ...{ groups, variables, owner, tell, attemptsMax: limits.attemptsMax },
      mayAct: settings.mayAct ?? (() => true),
      onTold: (stored) => this.#claims.saw(stored),
      onScaled: (name, jobModifyIndex) => this.#watches.saw(name, jobModifyIndex),
    });
  }

  async start(): Promise<void> {
    const detail = await checkVersion(this.#api, this.#ending);
    if (detail !== null) this.#settings.onEvent?.({ kind: 'version_unknown', detail });
    await this.#claims.start(this.#ending);
  }

  async close(): Promise<void> {
    await Promise.all([this.#claims.close(), this.#watches.close()]);
    this.#api.close();
  }

  placeOf(workload: Workload): GroupName {
    return groupNameOf(this.#accepted(workload));
  }

  known(workloadId: string, group: GroupName): readonly KnownPlace<GroupName>[] {
    const count = this.#watches.countOf(workloadId, group);
    return this.#claims
      .known()
      .filter(({ claim }) => claim.workloadId === workloadId)
      .map((held) => {
        const { isSettled, replicas } = held.claim;
        const isKept = isSame(held.group, group) && isSettled && replicas === count;
        return { ...claimedOf(held), isKept };
      });
  }

  async claimed(signal: AbortSignal): Promise<readonly ClaimedPlace<GroupName>[]> {
    return (await this.#claims.read(signal)).map(claimedOf);
  }

  scale(group: GroupName, command: Command, signal: AbortSignal): Promise<void> {
    return this.#telling.scale(group, command, signal);
  }

  release(group: GroupName, command: Release, signal: AbortSignal): Promise<void> {
    return this.#telling.release(group, command, signal);
  }

  async readReplicas(workload: Workload): Promise<readonly Replica[]> {
    const accepted = this.#accepted(workload);
    const seen = await this.#watches.allocations(workload.id, groupNameOf(accepted));
    return replicasOf(accepted, seen);
  }

  /** @throws ScaleTargetError `rejected` */
  #accepted(workload: Workload): NomadWorkload {
    const own = requireTarget(workload, isNomad);
    if (this.#settings.namespaces.includes(own.target.namespace)) return own;
    throw new ScaleTargetError(
      'rejected',
      `${workload.id}: ${nameOf(groupNameOf(own))} lies outside of the namespaces that this member may scale (${this.#settings.namespaces.join(', ')})`,
    );
  }
}

function groupNameOf({ target }: NomadWorkload): GroupName {
  const { region, namespace, jobId, group } = target;
  return { region, namespace, jobId, group };
}

function claimedOf({ group, stored, claim }: ClaimedGroup): ClaimedPlace<GroupName> {
  return { place: group, workloadId: claim.workloadId, token: stored.told.token };
}
