/**
 * The product's own state machine in a simulated cluster: real commands, the real `applyCommand`, real
 * snapshots. A write puts a workload, whose version is its position; commands of all other kinds come
 * in between. That no key has two effects is checked here, where a command's outcome is known.
 */

import type { Command } from '../../control-plane/model/command.ts';
import { NO_MEMORY } from '../../control-plane/model/decision.ts';
import type { LogEntry } from '../../control-plane/model/log-entry.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { canonicalState, decodeState, encodeState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState } from '../../control-plane/state/state.ts';
import { AT_MS, entry, registration, workload } from '../support/log-commands.ts';
import { policy } from '../support/scale-input.ts';
import type { Draws } from './draws.ts';
import { NO_MARK } from './machine.ts';
import type { Machine, Reading, Write } from './machine.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class PlaneMachine implements Machine {
  #state: PlaneState = INITIAL_STATE;

  apply({ term, index, payload }: LogEntry): {
    readonly position: number;
    readonly repeated: boolean;
  } {
    const command = parseCommand(payload);
    const { state, result } = applyCommand(this.#state, { term, index }, command);
    this.#state = state;
    if (result.kind === 'refused') return { position: 0, repeated: true };
    return { position: result.version, repeated: result.repeated };
  }

  read(key: number): Reading {
    const found = this.#state.workloads[workloadId(key)];
    if (found === undefined) return { position: 0, mark: NO_MARK };
    return { position: found.version, mark: Number(found.workload.description) };
  }

  pack(): Uint8Array {
    return encoder.encode(encodeState(this.#state));
  }

  unpack(bytes: Uint8Array): PlaneMachine {
    const machine = new PlaneMachine();
    machine.#state = decodeState(decoder.decode(bytes));
    return machine;
  }

  /** The whole text would cost too much at every step; it is compared at snapshots and at the end. */
  digest(): number {
    const { appliedKeys, workloads } = this.#state;
    let digest = appliedKeys.length;
    const last = appliedKeys.at(-1);
    for (const char of last?.key ?? '') digest = (Math.imul(digest, 31) + char.charCodeAt(0)) | 0;
    for (const { version } of Object.values(workloads)) digest = (digest * 31 + version) | 0;
    return (digest + (last?.version ?? 0)) | 0;
  }

  text(): string {
    return canonicalState(this.#state);
  }
}

export function encodePlaneWrite({ key, value }: Write): Uint8Array {
  const description = String(value);
  return encodeCommand({
    kind: 'put_workload',
    key: keyOf(value),
    atMs: AT_MS + value,
    workload: workload(workloadId(key), { description }),
    source: 'api',
    expectedVersion: null,
  });
}

/** A command that is no write of a client's: on other nouns, and now and then refused. */
export function encodePlaneNoise(value: number, draws: Draws): Uint8Array {
  const head = { key: keyOf(value), atMs: AT_MS + value };
  const id = draws.pick(['a', 'b', 'constructor', '__proto__']);
  const expectedVersion = draws.chance(0.2) ? draws.whole(0, 2) : null;
  const make = draws.pick<() => Command>([
    () => ({ ...head, kind: 'register_node', registration: registration(id, `host-${value}`) }),
    () => ({ ...head, kind: 'remove_node', nodeId: id }),
    () => ({ ...head, kind: 'set_mode', mode: draws.pick(['act', 'observe', 'stopped']) }),
    () => ({
      ...head,
      kind: 'put_workload',
      workload: workload(id, { description: String(value) }),
      source: 'file',
      expectedVersion,
    }),
    () => ({ ...head, kind: 'remove_workload', workloadId: id, expectedVersion }),
    () => ({
      ...head,
      kind: 'put_policy',
      policy: policy({ id, workloadId: id }),
      expectedVersion,
    }),
    () => ({ ...head, kind: 'set_workload_mode', workloadId: id, mode: 'advise' }),
    () => ({
      ...head,
      kind: 'record_decisions',
      entries: [
        entry({
          decisionId: `d${value}`,
          workloadId: id,
          policyId: id,
          action: { fromReplicas: 1, toReplicas: 3, deadlineMs: AT_MS },
        }),
      ],
    }),
    () => ({
      ...head,
      kind: 'finish_action',
      workloadId: id,
      decisionId: `d${value - 1}`,
      outcome: 'failed',
      readyReplicas: draws.whole(0, 5),
    }),
    () => newer(draws, { head, id, expectedVersion }),
    () => newer(draws, { head, id, expectedVersion }),
  ]);
  return encodeCommand(make());
}

interface Drawn {
  readonly head: { readonly key: string; readonly atMs: number };
  readonly id: string;
  readonly expectedVersion: number | null;
}

/** What came with format 4, and now and then what brings that into force. */
function newer(draws: Draws, { head, id, expectedVersion }: Drawn): Command {
  const { atMs } = head;
  const times = { sinceMs: atMs, untilMs: draws.pick([null, atMs + 1_000]), note: '' };
  const shadow = policy({ id, workloadId: id, replicasMax: draws.whole(1, 3) });
  const budgets = [{ budgetId: 'a', unitsPerReplica: 1 }];
  if (draws.chance(0.2)) return { ...head, kind: 'raise_format', formatVersion: 4 };
  const make = draws.pick<() => Command>([
    () => ({ ...head, kind: 'put_shadow', policy: shadow }),
    () => ({ ...head, kind: 'remove_shadow', policyId: id }),
    () => ({ ...head, kind: 'promote_shadow', policyId: id, shadowVersion: expectedVersion }),
    () => ({ ...head, kind: 'set_pause', workloadId: id, pause: { ...times, direction: 'in' } }),
    () => ({ ...head, kind: 'set_pause', workloadId: id, pause: null }),
    () => ({ ...head, kind: 'set_override', workloadId: id, override: { ...times, replicas: 2 } }),
    () => ({
      ...head,
      kind: 'put_budget',
      budget: { id, description: '', unit: 'gpu', limit: draws.whole(0, 9) },
      expectedVersion,
    }),
    () => ({ ...head, kind: 'remove_budget', budgetId: id, expectedVersion }),
    () => ({
      ...head,
      kind: 'put_policy',
      policy: policy({ id, workloadId: id, budgets }),
      expectedVersion,
    }),
    () => ({
      ...head,
      kind: 'record_decisions',
      entries: [
        {
          ...entry({ workloadId: id, policyId: id }),
          memory: { ...NO_MEMORY, reversalsAtMs: [atMs], lastDirection: 'out' },
          shadow: { version: 1, desired: 3, recommendation: 3, direction: 1 },
        },
      ],
    }),
  ]);
  return make();
}

/** The write that a command is, or null for one of another kind. */
export function planeWrite(payload: Uint8Array): Write | null {
  const command = parseCommand(payload);
  if (command.kind !== 'put_workload' || !command.workload.id.startsWith('w-')) return null;
  return { key: Number(command.workload.id.slice(2)), value: Number(command.workload.description) };
}

function keyOf(value: number): string {
  return `simulated-${value}`;
}

function workloadId(key: number): string {
  return `w-${key}`;
}

function encodeCommand(command: Command): Uint8Array {
  return encoder.encode(JSON.stringify(command));
}

function parseCommand(payload: Uint8Array): Command {
  return JSON.parse(decoder.decode(payload)) as Command;
}
