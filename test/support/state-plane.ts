/** A plane to which tests apply commands one by one, for tests of the state machine. */

import assert from 'node:assert/strict';
import type { Applied, Command, DecisionEntry } from '../../control-plane/model/command.ts';
import type { ScalePolicy, StoredPolicy } from '../../control-plane/model/policy.ts';
import type { Workload } from '../../control-plane/model/workload.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { canonicalState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState, WorkloadState } from '../../control-plane/state/state.ts';
import { AT_MS, entry, workload } from './log-commands.ts';
import { policy } from './scale-input.ts';

type Body<C> = C extends Command
  ? Omit<C, 'key' | 'atMs'> & Partial<Pick<C, 'key' | 'atMs'>>
  : never;

/** Each command has a fresh key unless it brings one. */
export class Plane {
  state: PlaneState = INITIAL_STATE;
  index = 0;

  apply(body: Body<Command>): Applied {
    this.index += 1;
    const command: Command = { key: `key-${this.index}`, atMs: AT_MS, ...body };
    const before = canonicalState(this.state);
    const handedOut = this.state;
    const applied = applyCommand(this.state, { term: 1, index: this.index }, command);
    assert.equal(canonicalState(handedOut), before, 'a state that was handed out has changed');
    this.state = applied.state;
    return applied.result;
  }

  putWorkload(
    description: Workload = workload('w'),
    expectedVersion: number | null = null,
    source: 'file' | 'api' = 'api',
  ): Applied {
    return this.apply({ kind: 'put_workload', workload: description, source, expectedVersion });
  }

  putPolicy(wanted: ScalePolicy = policy(), expectedVersion: number | null = null): Applied {
    return this.apply({ kind: 'put_policy', policy: wanted, expectedVersion });
  }

  act(from: number, to: number, atMs = AT_MS, decisionId = 'd1'): Applied {
    const action = { fromReplicas: from, toReplicas: to, deadlineMs: atMs + 1_000 };
    return this.apply({ kind: 'record_decisions', atMs, entries: [entry({ decisionId, action })] });
  }

  finish(outcome: 'verified' | 'failed', readyReplicas: number, decisionId = 'd1'): Applied {
    return this.apply({
      kind: 'finish_action',
      workloadId: 'w',
      decisionId,
      outcome,
      readyReplicas,
    });
  }

  record(overrides: Partial<DecisionEntry>, atMs = AT_MS): Applied {
    return this.apply({ kind: 'record_decisions', atMs, entries: [entry(overrides)] });
  }

  policy(policyId = 'p'): StoredPolicy {
    const found = this.state.policies[policyId];
    assert(found !== undefined);
    return found;
  }

  workload(): WorkloadState {
    const found = this.state.workloads['w'];
    assert(found !== undefined);
    return found;
  }
}

export function done(version: number): Applied {
  return { kind: 'applied', version, repeated: false };
}

export function assertRefused(result: Applied, refusal: string): void {
  assert.equal(result.kind === 'refused' ? result.refusal : result.kind, refusal);
}

export function planeWithPolicy(): Plane {
  const plane = new Plane();
  plane.putWorkload();
  plane.putPolicy();
  return plane;
}

/** The same, once format 4 is in force; its workload is `w`, its policy `p`. */
export function planeOfFormat4(wanted: ScalePolicy = policy()): Plane {
  const plane = new Plane();
  plane.apply({ kind: 'raise_format', formatVersion: 4 });
  plane.putWorkload();
  assert.deepEqual(plane.putPolicy(wanted), done(1));
  return plane;
}
