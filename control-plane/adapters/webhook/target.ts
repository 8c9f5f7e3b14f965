/**
 * A scale target that somebody else provides: a receiver of signed requests, one URL for each workload,
 * which keeps the number that it was told with the token that came with it. The number is put there on
 * every tick, under one idempotency key, and the replicas are read from there; all of what must outlive
 * this process is the receiver's. It starts and stops nothing itself, follows no redirect, and believes
 * no answer that it cannot read in full.
 *
 * A workload whose URL is changed is told to the new receiver from then on; the old one hears nothing
 * more and keeps what it has.
 */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { isWebhook } from '../../model/workload.ts';
import type { Replica, WebhookTarget, Workload, WorkloadOn } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { requireTarget } from '../replicas/accepted.ts';
import { createExchanger } from './exchange.ts';
import type { Exchanger } from './exchange.ts';
import { Places } from './places.ts';
import type { Place } from './places.ts';
import { idempotencyKeyOf } from './protocol.ts';
import type { ReceiverState, ToldNumber } from './protocol.ts';
import { Sender } from './sender.ts';
import type { Receiver } from './sender.ts';
import { WEBHOOK_LIMITS } from './settings.ts';
import type { WebhookEvent, WebhookLimits, WebhookSettings } from './settings.ts';
import { readState, tellNumber } from './talk.ts';

export interface WebhookScaleTarget extends ScaleTarget {
  /** Reads the file of places. */
  start(): Promise<void>;
  /** Gives up the requests under way; what the receivers have stays. */
  stop(): Promise<void>;
}

/** @throws Error when the CA file cannot be read */
export function createWebhookTarget(settings: WebhookSettings): WebhookScaleTarget {
  return new Webhooks(settings);
}

class Webhooks implements WebhookScaleTarget {
  readonly #settings: WebhookSettings;
  readonly #limits: WebhookLimits;
  readonly #exchanger: Exchanger;
  readonly #sender: Sender;
  readonly #stopping = new AbortController();
  readonly #tell: (event: WebhookEvent) => void;
  /** The newest token of each workload that this process has told, and of which it has said so. */
  readonly #told = new Map<string, FencingToken>();
  /** The monotonic time of the first removal in a row that failed. */
  readonly #removingSince = new Map<string, number>();
  #places: Places | null = null;

  constructor(settings: WebhookSettings) {
    this.#settings = settings;
    this.#limits = { ...WEBHOOK_LIMITS, ...settings.limits };
    this.#tell = (event) => settings.onEvent?.(event);
    this.#exchanger = createExchanger({ ...this.#limits, caFile: settings.caFile });
    this.#sender = new Sender({
      exchanger: this.#exchanger,
      secretsDirectory: settings.secretsDirectory,
      limits: this.#limits,
      nowMs: settings.nowMs,
      tell: this.#tell,
      mayAct: settings.mayAct ?? (() => true),
    });
  }

  async start(): Promise<void> {
    this.#places = await Places.open({
      file: this.#settings.placesFile,
      placesMax: this.#limits.placesMax,
      onTrouble: (error) => this.#tell({ kind: 'trouble', workloadId: null, error }),
    });
  }

  stop(): Promise<void> {
    this.#places = null;
    this.#stopping.abort();
    this.#exchanger.close();
    return Promise.resolve();
  }

  async setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const places = this.#started(signal);
    const { id, target } = accepted(workload, replicas);
    if (!(await places.note(id, target))) {
      const { placesMax } = this.#limits;
      throw new ScaleTargetError(
        'rejected',
        `${id}: ${placesMax} workloads have a receiver already`,
      );
    }
    const told = { owner: this.#settings.owner, workload: id, replicas, removed: false, token };
    await this.#tellNumber(receiverOf(id, target), told, signal);
  }

  async readReplicas(workload: Workload, signal: AbortSignal): Promise<readonly Replica[]> {
    const places = this.#started(signal);
    const { id, target } = accepted(workload, 0);
    if (this.#settings.mayAct?.() === false) {
      // Should this member lead when the workload is gone, it has to know whom to tell.
      await places.note(id, target);
      throw new ScaleTargetError('unavailable', 'this member does not lead');
    }
    const state = await this.#readState(receiverOf(id, target), signal);
    await (state.desired === null ? places.forget(id) : places.note(id, target));
    this.#compare(id, state.token);
    return state.replicas.map(({ id: replicaId, address, phase, startedAt }) => ({
      replicaId,
      workloadId: id,
      address,
      metricsPath: target.metricsPath,
      phase,
      startedAtMs: Date.parse(startedAt),
    }));
  }

  listWorkloads(): Promise<readonly string[]> {
    return Promise.resolve(this.#places?.ids() ?? []);
  }

  async removeWorkload(
    workloadId: string,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const places = this.#started(signal);
    const place = places.placeOf(workloadId);
    if (place === null) return;
    try {
      await this.#remove(receiverOf(workloadId, place), token, signal);
    } catch (error) {
      if (!this.#isHopeless(workloadId)) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      this.#tell({ kind: 'abandoned', workloadId, detail });
    }
    this.#removingSince.delete(workloadId);
    this.#told.delete(workloadId);
    await places.forget(workloadId);
  }

  /** What somebody else tells, or was never told of this workload, is not ours to end. */
  async #remove(receiver: Receiver, token: FencingToken, signal: AbortSignal): Promise<void> {
    const { owner } = this.#settings;
    const state = await readState(this.#sender, receiver, this.#limits, this.#either(signal));
    if (state.owner !== owner || state.desired === null) return;
    const workload = receiver.workloadId;
    const told = { owner, workload, replicas: 0, removed: true, token };
    await this.#tellNumber(receiver, told, signal);
  }

  /** For so long that its receiver will hardly come back. */
  #isHopeless(workloadId: string): boolean {
    const now = performance.now();
    const since = this.#removingSince.get(workloadId) ?? now;
    this.#removingSince.set(workloadId, since);
    return now - since >= this.#limits.removalMaxMs;
  }

  async #tellNumber(receiver: Receiver, told: ToldNumber, signal: AbortSignal): Promise<void> {
    const content = { body: JSON.stringify(told), idempotencyKey: idempotencyKeyOf(told) };
    await tellNumber(this.#sender, receiver, content, this.#limits, this.#either(signal));
    const known = this.#told.get(told.workload);
    if (known === undefined || compareTokens(told.token, known) > 0) {
      this.#told.set(told.workload, told.token);
    }
  }

  async #readState(receiver: Receiver, signal: AbortSignal): Promise<ReceiverState> {
    const state = await readState(this.#sender, receiver, this.#limits, this.#either(signal));
    if (state.owner === null || state.owner === this.#settings.owner) return state;
    const detail = `its receiver is told by the cluster ${state.owner}`;
    throw new ScaleTargetError('unavailable', `${receiver.workloadId}: ${detail}`);
  }

  #compare(workloadId: string, newest: FencingToken | null): void {
    const token = this.#told.get(workloadId);
    if (newest === null || token === undefined || compareTokens(newest, token) <= 0) return;
    this.#tell({ kind: 'outrun', workloadId, token, newest });
    this.#told.set(workloadId, newest);
  }

  #started(signal: AbortSignal): Places {
    if (this.#places === null) {
      throw new ScaleTargetError('unavailable', 'the target is not started');
    }
    if (signal.aborted) {
      const cause: unknown = signal.reason;
      throw new ScaleTargetError('unavailable', 'aborted by the caller', { cause });
    }
    return this.#places;
  }

  #either(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#stopping.signal]);
  }
}

function receiverOf(workloadId: string, place: Place): Receiver {
  const { url, secret, requestTimeoutMs } = place;
  return { workloadId, url: new URL(url), secret, requestTimeoutMs };
}

/** @throws ScaleTargetError `rejected` */
function accepted(workload: Workload, replicas: number): WorkloadOn<WebhookTarget> {
  const own = requireTarget(workload, isWebhook);
  if (!Number.isSafeInteger(replicas) || replicas < 0) {
    const detail = `${workload.id}: ${replicas} is not a number of replicas`;
    throw new ScaleTargetError('rejected', detail);
  }
  return own;
}
