/**
 * How a number reaches a group so that no older command can come after it. The job is read first, then
 * the newest token is written into the group's variable, which takes it only from whoever has read it
 * as it is; then the group is scaled, which Nomad does only while the job is as it was read. Of two
 * leaders that write at once one finds either changed, reads again, and finds the other's token. That
 * the number has come to be is written last: until it stands there, something older may be under way,
 * and the next one writes even a number that is there already.
 */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { isNewer, tokenText } from '../replicas/fencing.ts';
import { isContinued } from '../replicas/told.ts';
import type { Command, Release } from '../replicas/told.ts';
import { requireLease, untilUndisturbed } from '../replicas/undisturbed.ts';
import { failureIn } from './api.ts';
import { nameOf } from './groups.ts';
import type { Group, GroupName, Groups } from './groups.ts';
import type { NomadEvent } from './settings.ts';
import { pathOf } from './told.ts';
import type { Claim, StoredTold, Told, ToldVariables } from './told.ts';

export interface TellingOptions {
  readonly groups: Groups;
  readonly variables: ToldVariables;
  readonly owner: string;
  readonly attemptsMax: number;
  readonly mayAct: () => boolean;
  readonly tell: (event: NomadEvent) => void;
  readonly onTold: (stored: StoredTold) => void;
  /** The job has been brought to this index. */
  readonly onScaled: (group: GroupName, jobModifyIndex: number) => void;
}

export class Telling {
  readonly #options: TellingOptions;

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  /** @throws ScaleTargetError, NomadError */
  async scale(name: GroupName, command: Command, signal: AbortSignal): Promise<void> {
    await this.#untilUndisturbed(name, command.workloadId, () =>
      this.#scaleOnce(name, command, signal),
    );
  }

  /** As of the target kubernetes: the replicas run on, and the newest token is remembered. */
  async release(
    name: GroupName,
    { workloadId, token }: Release,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#untilUndisturbed(name, workloadId, () =>
      this.#releaseOnce(name, { workloadId, token }, signal),
    );
  }

  async #scaleOnce(name: GroupName, command: Command, signal: AbortSignal): Promise<void> {
    const { groups, variables, owner } = this.#options;
    const group = await this.#readGroup(name, signal);
    const before = await variables.read(pathOf(name), signal);
    const told = this.#judged(name, before?.told ?? null, command);
    const isKnown = told !== null && compareTokens(told.token, command.token) === 0;
    const claim = isKnown ? told.claim : claimOf(command, told, group);
    // Given up under this very token; or told, written and kept.
    if (claim === null) return;
    if (isKnown && claim.isSettled && claim.replicas === group.count) return;
    this.#report(name, told, group.count, claim.replicas);
    const { token } = command;
    const written = isKnown
      ? before
      : await this.#write({ owner, token, group: name, claim }, before, signal);
    if (claim.isSettled && claim.replicas === group.count) return;
    requireLease(this.#options.mayAct);
    const { workloadId } = command;
    const index = await groups.scale(
      name,
      { ...group, count: claim.replicas },
      { message: messageOf(owner, command), meta: metaOf(owner, command) },
      signal,
    );
    this.#options.onScaled(name, index);
    const event = { workloadId, object: nameOf(name), found: group.count };
    this.#options.tell({ kind: 'scaled', ...event, replicas: claim.replicas });
    const settled = { owner, token, group: name, claim: { ...claim, isSettled: true } };
    await this.#write(settled, written, signal);
  }

  async #releaseOnce(
    name: GroupName,
    { workloadId, token }: Release,
    signal: AbortSignal,
  ): Promise<void> {
    const { groups, variables, owner } = this.#options;
    const group = await unlessUnscalable(() => this.#readGroup(name, signal));
    const before = await variables.read(pathOf(name), signal);
    const told = before?.told ?? null;
    if (told === null || told.owner !== owner || told.claim?.workloadId !== workloadId) return;
    isNewer(workloadId, token, told.token);
    // Something older may be under way: what the group has is written once more, and that is refused.
    if (!told.claim.isSettled && group !== null) {
      requireLease(this.#options.mayAct);
      const meta = { omnimind_cluster: owner, omnimind_workload: workloadId };
      const message = `given up by ${owner}; the count stays`;
      this.#options.onScaled(name, await groups.scale(name, group, { message, meta }, signal));
    }
    await this.#write({ owner, token, group: name, claim: null }, before, signal);
    this.#options.tell({ kind: 'released', workloadId, object: nameOf(name) });
  }

  async #readGroup(name: GroupName, signal: AbortSignal): Promise<Group> {
    return (await this.#options.groups.read(name, { index: 0 }, signal)).value;
  }

  /**
   * What was told of the group before.
   * @throws ScaleTargetError `stale_token` | `rejected`
   */
  #judged(name: GroupName, told: Told | null, command: Command): Told | null {
    const place = { name: nameOf(name), other: 'another group' };
    if (isContinued(told, this.#options.owner, command, place)) return told;
    return told === null ? null : { ...told, token: NEVER };
  }

  /** Somebody else's number, unless it is the one from before a write that never came to be. */
  #report(name: GroupName, told: Told | null, found: number, replicas: number): void {
    const claim = told?.claim ?? null;
    if (claim === null || claim.replicas === found) return;
    if (claim.replicasBefore === found && !claim.isSettled) return;
    const event = { workloadId: claim.workloadId, object: nameOf(name), found, replicas };
    this.#options.tell({ kind: 'overwritten', ...event });
  }

  async #write(told: Told, before: StoredTold | null, signal: AbortSignal): Promise<StoredTold> {
    requireLease(this.#options.mayAct);
    const stored = await this.#options.variables.write(told, before, signal);
    this.#options.onTold(stored);
    return stored;
  }

  #untilUndisturbed(name: GroupName, workloadId: string, work: () => Promise<void>): Promise<void> {
    const { attemptsMax } = this.#options;
    const subject = `${workloadId}: ${nameOf(name)}`;
    return untilUndisturbed(subject, { attemptsMax, failureOf: failureIn }, work);
  }
}

/** Of a group that another cluster gave up: the tokens of two clusters have no order. */
const NEVER: FencingToken = { term: -1, index: -1 };

/** A number that is there already needs no writing, where nothing older can be under way. */
function claimOf({ workloadId, replicas }: Command, told: Told | null, { count }: Group): Claim {
  const before = told?.claim ?? null;
  const isQuiet =
    told === null || (before !== null && before.isSettled && before.replicas === count);
  return { workloadId, replicas, replicasBefore: count, isSettled: isQuiet && replicas === count };
}

function messageOf(owner: string, { workloadId, replicas }: Command): string {
  return `${replicas} replicas wanted of ${workloadId} by ${owner === '' ? 'its control plane' : owner}`;
}

/** For people who read the job's scaling events; what counts stands in the variable. */
function metaOf(owner: string, { workloadId, token }: Command): Record<string, string> {
  return {
    omnimind_cluster: owner,
    omnimind_workload: workloadId,
    omnimind_token: tokenText(token),
  };
}

/** A job that is gone or stopped runs nothing that an older command could change. */
async function unlessUnscalable(read: () => Promise<Group>): Promise<Group | null> {
  try {
    return await read();
  } catch (error) {
    if (['missing', 'refused'].includes(failureIn(error) ?? '')) return null;
    throw error;
  }
}
