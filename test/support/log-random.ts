/** Random commands on a handful of ids, so that they meet, conflict and repeat. */

import fc from 'fast-check';
import type { Command } from '../../control-plane/model/command.ts';
import { MODES } from '../../control-plane/model/mode.ts';
import { AT_MS, election, registration, workload } from './log-commands.ts';
import { anyMemory, anyPolicyOf } from './policy-random.ts';
import { policy } from './scale-input.ts';

const id = fc.constantFrom('a', 'b', 'constructor', '__proto__');
const version = fc.constantFrom(null, null, null, 0, 1, 2);
const mode = fc.constantFrom(...MODES);
const replicas = fc.integer({ min: 0, max: 9 });

const bodies = fc.oneof(
  fc.record({
    kind: fc.constant('register_node' as const),
    registration: fc.tuple(id, id).map(([nodeId, hostname]) => registration(nodeId, hostname)),
  }),
  fc.record({ kind: fc.constant('remove_node' as const), nodeId: id }),
  fc.record({
    kind: fc.constant('put_workload' as const),
    workload: fc.tuple(id, mode).map(([workloadId, m]) => workload(workloadId, { mode: m })),
    source: fc.constantFrom('file' as const, 'api' as const),
    expectedVersion: version,
  }),
  fc.record({
    kind: fc.constant('remove_workload' as const),
    workloadId: id,
    expectedVersion: version,
  }),
  fc.record({
    kind: fc.constant('put_policy' as const),
    policy: fc
      .tuple(id, id, fc.constantFrom(0, 30, 10_000))
      .map(([policyId, workloadId, stabilizationDownMs]) =>
        policy({ id: policyId, workloadId, stabilizationDownMs }),
      ),
    expectedVersion: version,
  }),
  fc.record({
    kind: fc.constant('remove_policy' as const),
    policyId: id,
    expectedVersion: version,
  }),
  fc.record({ kind: fc.constant('set_mode' as const), mode }),
  fc.record({ kind: fc.constant('set_workload_mode' as const), workloadId: id, mode }),
  fc.record({
    kind: fc.constant('record_decisions' as const),
    entries: fc.array(
      fc.record({
        decisionId: fc.constantFrom('d1', 'd2'),
        workloadId: id,
        policyId: id,
        recommendation: fc.option(replicas),
        action: fc.option(
          fc.record({
            fromReplicas: replicas,
            toReplicas: replicas,
            deadlineMs: fc.constant(AT_MS),
          }),
        ),
      }),
      { maxLength: 4 },
    ),
  }),
  fc
    .record({
      kind: fc.constant('record_decisions' as const),
      decidedInTerm: fc.constantFrom(1, 2),
    })
    .map((body) => ({ ...body, entries: [] })),
  fc.record({
    kind: fc.constant('record_election' as const),
    election: fc.constantFrom('e1', 'e2', 'e3').map((electionId) => election(electionId)),
  }),
  fc.record({
    kind: fc.constant('raise_format' as const),
    formatVersion: fc.constantFrom(1, 2, 3, 4),
  }),
  fc.record({
    kind: fc.constant('finish_action' as const),
    workloadId: id,
    decisionId: fc.constantFrom('d1', 'd2'),
    outcome: fc.constantFrom('verified' as const, 'failed' as const),
    readyReplicas: replicas,
  }),
);

const when = fc.record({
  sinceMs: fc.constant(AT_MS),
  untilMs: fc.constantFrom(null, AT_MS + 1, AT_MS + 90_000),
  note: fc.constantFrom('', 'by hand'),
});
const budgetId = fc.constantFrom('gpus', '__proto__');
const direction = fc.constantFrom(-1 as const, 0 as const, 1 as const);
const supersedes = fc.constantFrom('d1', 'd2', 'd3');
const memory = anyMemory;

const mostlyA = fc.constantFrom('a', 'a', 'a', 'b');

/** What came with format 4; nearly all on one workload and its policy, so that they meet. */
const bodies4 = fc.oneof(
  fc.record({
    kind: fc.constant('put_policy' as const),
    policy: anyPolicyOf('a', 'a'),
    expectedVersion: version,
  }),
  fc.record({ kind: fc.constant('put_shadow' as const), policy: anyPolicyOf('a', 'a') }),
  mostlyA.chain((workloadId) =>
    fc.record({
      kind: fc.constant('put_shadow' as const),
      policy: anyPolicyOf('a', workloadId),
    }),
  ),
  fc.record({ kind: fc.constant('remove_shadow' as const), policyId: mostlyA }),
  fc.record({
    kind: fc.constant('promote_shadow' as const),
    policyId: mostlyA,
    shadowVersion: version,
  }),
  fc.record({
    kind: fc.constant('set_pause' as const),
    workloadId: mostlyA,
    pause: fc.option(
      fc
        .tuple(when, fc.constantFrom('in' as const, 'out' as const, 'both' as const))
        .map(([times, way]) => ({ ...times, direction: way })),
    ),
  }),
  fc.record({
    kind: fc.constant('set_override' as const),
    workloadId: mostlyA,
    override: fc.option(fc.tuple(when, replicas).map(([times, n]) => ({ ...times, replicas: n }))),
  }),
  fc.record({
    kind: fc.constant('put_budget' as const),
    budget: fc.record({
      id: budgetId,
      description: fc.constant(''),
      unit: fc.constant('gpu'),
      limit: replicas,
    }),
    expectedVersion: version,
  }),
  fc.record({
    kind: fc.constant('remove_budget' as const),
    budgetId,
    expectedVersion: version,
  }),
  fc.record({
    kind: fc.constant('record_decisions' as const),
    entries: fc.array(
      fc.record(
        {
          decisionId: fc.constantFrom('d1', 'd2', 'd3'),
          workloadId: fc.constant('a'),
          policyId: fc.constant('a'),
          recommendation: fc.option(replicas),
          action: fc.option(
            fc.record(
              {
                fromReplicas: replicas,
                toReplicas: replicas,
                deadlineMs: fc.constant(AT_MS),
                supersedes,
              },
              { requiredKeys: ['fromReplicas', 'toReplicas', 'deadlineMs'] },
            ),
          ),
          memory,
          shadow: fc.record(
            {
              version: fc.integer({ min: 1, max: 3 }),
              desired: replicas,
              recommendation: fc.option(replicas),
              direction,
              memory,
            },
            { requiredKeys: ['version', 'desired', 'recommendation', 'direction'] },
          ),
        },
        { requiredKeys: ['decisionId', 'workloadId', 'policyId', 'recommendation', 'action'] },
      ),
      { maxLength: 2 },
    ),
  }),
);

/** Some keys come twice, and the clock of the proposer steps back now and then. */
export const anyCommand: fc.Arbitrary<Command> = fc
  .tuple(
    fc.oneof(bodies, bodies4),
    fc.integer({ min: 0, max: 200 }),
    fc.integer({ min: 0, max: 60_000 }),
  )
  .map(([body, key, afterMs]): Command => ({ ...body, key: `k${key}`, atMs: AT_MS + afterMs }));

/** What brings a plane to where most of them are applied. */
const FORMAT_4_BEGINNING: readonly Command[] = [
  { kind: 'raise_format', key: 'raise 4', atMs: AT_MS, formatVersion: 4 },
  {
    kind: 'put_workload',
    key: 'first',
    atMs: AT_MS,
    workload: workload('a'),
    source: 'api',
    expectedVersion: null,
  },
  {
    kind: 'put_budget',
    key: 'budget',
    atMs: AT_MS,
    budget: { id: 'gpus', description: '', unit: 'gpu', limit: 8 },
    expectedVersion: null,
  },
  {
    kind: 'put_policy',
    key: 'policy',
    atMs: AT_MS,
    policy: policy({ id: 'a', workloadId: 'a' }),
    expectedVersion: null,
  },
];

/** Commands from the beginning of a log, in half of the cases behind those that bring in format 4. */
export function anyHistory(lengthMax: number): fc.Arbitrary<readonly Command[]> {
  return fc
    .tuple(
      fc.constantFrom([], FORMAT_4_BEGINNING),
      fc.array(anyCommand, { maxLength: lengthMax, size: 'max' }),
    )
    .map(([beginning, commands]) => [...beginning, ...commands]);
}
