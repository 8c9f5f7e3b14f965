/** Random commands on a handful of ids, so that they meet, conflict and repeat. */

import fc from 'fast-check';
import type { Command } from '../../control-plane/model/command.ts';
import { MODES } from '../../control-plane/model/mode.ts';
import { AT_MS, election, registration, workload } from './log-commands.ts';
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
    formatVersion: fc.constantFrom(1, 2),
  }),
  fc.record({
    kind: fc.constant('finish_action' as const),
    workloadId: id,
    decisionId: fc.constantFrom('d1', 'd2'),
    outcome: fc.constantFrom('verified' as const, 'failed' as const),
    readyReplicas: replicas,
  }),
);

/** Some keys come twice, and the clock of the proposer steps back now and then. */
export const anyCommand: fc.Arbitrary<Command> = fc
  .tuple(bodies, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 60_000 }))
  .map(([body, key, afterMs]): Command => ({ ...body, key: `k${key}`, atMs: AT_MS + afterMs }));
