/**
 * How a number reaches an object so that no older command can come after it. The newest token is
 * written on the object first, and the scale then, each under the version that was read before: of
 * two leaders that write at once one meets a conflict, reads again, and finds the other's token. A
 * write whose token is not the newest that the object has seen is refused, whenever it arrives.
 */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import { isNewer, tokenText } from '../replicas/fencing.ts';
import { isContinued } from '../replicas/told.ts';
import type { Claim, Command, Release, Told } from '../replicas/told.ts';
import { requireLease, untilUndisturbed } from '../replicas/undisturbed.ts';
import { failureIn, FIELD_MANAGER } from './api.ts';
import { nameOf } from './objects.ts';
import type { ObjectName, Objects } from './objects.ts';
import type { KubernetesEvent } from './settings.ts';
import type { ScaledObject } from './told.ts';

export interface TellingOptions {
  readonly objects: Objects;
  readonly owner: string;
  readonly attemptsMax: number;
  readonly mayAct: () => boolean;
  readonly tell: (event: KubernetesEvent) => void;
  /** What a write has made of an object. */
  readonly onWritten: (object: ObjectName, written: ScaledObject) => void;
}

/** What stands to be written: the claim, and whether it is on the object already. */
interface Due {
  readonly claim: Claim;
  readonly isNew: boolean;
}

export class Telling {
  readonly #options: TellingOptions;
  /** The numbers that this process has seen on objects after it had written them, by object. */
  readonly #confirmed = new Map<string, string>();

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  /** @throws ScaleTargetError, KubernetesError */
  async scale(object: ObjectName, command: Command, signal: AbortSignal): Promise<void> {
    await this.#untilUndisturbed(object, command.workloadId, () =>
      this.#scaleOnce(object, command, signal),
    );
  }

  /**
   * Gives the object up: its replicas run on, and its number is whoever's comes next. The token that
   * it has may do so, too: the workload may have moved to another object under it.
   */
  async release(
    object: ObjectName,
    { workloadId, token }: Release,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#untilUndisturbed(object, workloadId, async () => {
      const found = await readUnlessGone(this.#options.objects, object, signal);
      if (found === null) return;
      const told = toldOn(found, nameOf(object));
      if (told?.claim?.workloadId !== workloadId || told.owner !== this.#options.owner) return;
      isNewer(workloadId, token, told.token);
      const { owner } = told;
      await this.#write(object, found, { owner, token, claim: null }, signal);
      this.#confirmed.delete(nameOf(object));
      const { replicas } = found;
      this.#options.tell({ kind: 'released', workloadId, object: nameOf(object), replicas });
    });
  }

  async #scaleOnce(object: ObjectName, command: Command, signal: AbortSignal): Promise<void> {
    const { objects, owner } = this.#options;
    const found = await objects.read(object, signal);
    const { replicas } = await objects.readScale(object, signal);
    const told = this.#judged(object, found, command);
    const due = dueOf(told, command, replicas);
    if (due === null) return;
    const isWanted = due.claim.replicas === replicas;
    if (due.isNew || !isWanted) {
      this.#report(object, found, told, { found: replicas, replicas: due.claim.replicas });
      await this.#refuseAutoscaled(object, command.workloadId, signal);
    }
    const written = due.isNew
      ? await this.#write(object, found, { owner, token: command.token, claim: due.claim }, signal)
      : found;
    if (!isWanted) {
      requireLease(this.#options.mayAct);
      await objects.writeScale(object, written.resourceVersion, due.claim.replicas, signal);
      const event = { workloadId: command.workloadId, object: nameOf(object) };
      this.#options.tell({
        kind: 'scaled',
        ...event,
        found: replicas,
        replicas: due.claim.replicas,
      });
    }
    this.#confirmed.set(nameOf(object), keyOf(due.claim, command.token));
  }

  /**
   * What the object was told before, by this owner or by one that has given it up.
   * @throws ScaleTargetError `stale_token` | `rejected`
   */
  #judged(object: ObjectName, found: ScaledObject, command: Command): Told | null {
    const name = nameOf(object);
    const told = toldOn(found, name);
    const place = { name, other: 'another object' };
    return isContinued(told, this.#options.owner, command, place) ? told : null;
  }

  /** Somebody else's number, unless it is the one from before a write that never came to be. */
  #report(
    object: ObjectName,
    { replicasBy }: ScaledObject,
    told: Told | null,
    { found, replicas }: { readonly found: number; readonly replicas: number },
  ): void {
    const claim = told?.claim ?? null;
    if (told === null || claim === null || claim.replicas === found) return;
    const wasWritten = this.#confirmed.get(nameOf(object)) === keyOf(claim, told.token);
    if (claim.replicasBefore === found && !wasWritten) return;
    const by = replicasBy === FIELD_MANAGER ? null : replicasBy;
    const event = { workloadId: claim.workloadId, object: nameOf(object), found, replicas, by };
    this.#options.tell({ kind: 'overwritten', ...event });
  }

  /** Two that write one field would undo each other's work for ever. */
  async #refuseAutoscaled(
    object: ObjectName,
    workloadId: string,
    signal: AbortSignal,
  ): Promise<void> {
    const autoscalers = await this.#options.objects.readAutoscalers(object, signal);
    if (autoscalers.length === 0) return;
    throw new ScaleTargetError(
      'rejected',
      `${workloadId}: ${nameOf(object)} is scaled by the HorizontalPodAutoscaler ${autoscalers.join(', ')}; delete that, or remove this workload`,
    );
  }

  async #write(
    object: ObjectName,
    found: ScaledObject,
    told: Told,
    signal: AbortSignal,
  ): Promise<ScaledObject> {
    requireLease(this.#options.mayAct);
    const written = await this.#options.objects.tell(object, found, told, signal);
    this.#options.onWritten(object, written);
    return written;
  }

  #untilUndisturbed(
    object: ObjectName,
    workloadId: string,
    work: () => Promise<void>,
  ): Promise<void> {
    const { attemptsMax } = this.#options;
    const subject = `${workloadId}: ${nameOf(object)}`;
    return untilUndisturbed(subject, { attemptsMax, failureOf: failureIn }, work);
  }
}

/** Null: nothing is to be done, or to be said. */
function dueOf(
  told: Told | null,
  { workloadId, replicas, token }: Command,
  found: number,
): Due | null {
  const isKnown = told !== null && compareTokens(told.token, token) === 0;
  if (!isKnown) return { claim: { workloadId, replicas, replicasBefore: found }, isNew: true };
  // Given up under this very token.
  if (told.claim === null) return null;
  return { claim: told.claim, isNew: false };
}

function keyOf({ replicas }: Claim, token: FencingToken): string {
  return `${replicas} ${tokenText(token)}`;
}

function toldOn({ told }: ScaledObject, name: string): Told | null {
  switch (told.kind) {
    case 'none':
      return null;
    case 'told':
      return told.told;
    case 'unreadable':
      throw new ScaleTargetError(
        'rejected',
        `${name}: its annotations have been changed (${told.detail}); put them back, or take all of control-plane.omnimind/ off`,
      );
  }
}

async function readUnlessGone(
  objects: Objects,
  object: ObjectName,
  signal: AbortSignal,
): Promise<ScaledObject | null> {
  try {
    return await objects.read(object, signal);
  } catch (error) {
    if (failureIn(error) === 'missing') return null;
    throw error;
  }
}
