import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Command } from '../../../../control-plane/model/command.ts';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { commandText, parseCommandText } from '../../../../control-plane/state/command-text.ts';
import { decodeState, encodeState } from '../../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import { dockerWorkload } from '../../../support/docker-workload.ts';
import { AT_MS, election, entry, numbered, workload } from '../../../support/log-commands.ts';
import { policy } from '../../../support/scale-input.ts';

/** One of every kind up to format 3, refused ones among them. */
const COMMANDS: readonly Command[] = (
  [
    { kind: 'register_node', registration: nodeOf(1) },
    { kind: 'put_workload', workload: workload('w'), source: 'file', expectedVersion: null },
    { kind: 'put_policy', policy: policy(), expectedVersion: 0 },
    { kind: 'put_policy', policy: policy({ stabilizationDownMs: 60_000 }), expectedVersion: 1 },
    { kind: 'put_policy', policy: policy({ replicasMax: 99 }), expectedVersion: null },
    { kind: 'record_decisions', entries: [entry({ action: act(2, 5) })] },
    { kind: 'record_decisions', entries: [entry({ decisionId: 'd2', action: act(5, 8) })] },
    { kind: 'finish_action', ...of('d1'), outcome: 'failed', readyReplicas: 3 },
    { kind: 'record_decisions', entries: [entry({ recommendation: 1, action: act(3, 1) })] },
    { kind: 'finish_action', ...of('d1'), outcome: 'failed', readyReplicas: 0 },
    { kind: 'record_decisions', entries: [entry({ recommendation: 0, action: act(1, 0) })] },
    { kind: 'finish_action', ...of('d1'), outcome: 'failed', readyReplicas: 0 },
    { kind: 'record_election', election: election('refused') },
    { kind: 'raise_format', formatVersion: 2 },
    { kind: 'record_election', election: election('e') },
    { kind: 'record_decisions', entries: [entry({ recommendation: null })], decidedInTerm: 2 },
    { kind: 'record_decisions', entries: [entry({ action: act(1, 4) })], decidedInTerm: 1 },
    { kind: 'put_workload', workload: dockerWorkload('d'), source: 'api', expectedVersion: null },
    { kind: 'raise_format', formatVersion: 3 },
    { kind: 'put_workload', workload: dockerWorkload('d'), source: 'api', expectedVersion: null },
    { kind: 'put_policy', policy: policy({ workloadId: 'd' }), expectedVersion: null },
    { kind: 'put_policy', policy: policy({ id: 'q' }), expectedVersion: null },
    { kind: 'set_workload_mode', workloadId: 'w', mode: 'advise' },
    { kind: 'set_mode', mode: 'stopped' },
    { kind: 'record_decisions', entries: [entry({ workloadId: 'd', action: act(2, 4) })] },
    { kind: 'remove_policy', policyId: 'q', expectedVersion: 1 },
    { kind: 'remove_workload', workloadId: 'w', expectedVersion: null },
    { kind: 'remove_node', nodeId: 'gone' },
  ] as const
).map((body, at): Command => ({ key: `k${at}`, atMs: AT_MS + at * 1_000, ...body }));

function nodeOf(number: number) {
  const command = numbered(number);
  assert(command.kind === 'register_node');
  return command.registration;
}

function of(decisionId: string) {
  return { workloadId: 'w', decisionId } as const;
}

function act(fromReplicas: number, toReplicas: number) {
  return { fromReplicas, toReplicas, deadlineMs: AT_MS + 90_000 };
}

/** What a program that knew no format 4 made of them: of the texts, of the results, of each state. */
const DIGEST = 'c3e8a71997d1393eb6c58c9e6272ce8aed2d2539c7daf5fbc4cb77335b0ff1d1';

describe('formats up to 3', () => {
  it('are read, applied and written as by a program that knows no other, to the byte', () => {
    const hash = createHash('sha256');
    let state = INITIAL_STATE;
    COMMANDS.forEach((command, at) => {
      const text = commandText(command);
      const token = { term: 1, index: at + 1 };
      const applied = applyCommand(state, token, parseCommandText(text));
      const encoded = encodeState(applied.state);
      state = decodeState(encoded);
      hash.update(`${text}\n${JSON.stringify(applied.result)}\n${encoded}`);
    });
    assert.equal(hash.digest('hex'), DIGEST);
    assert.equal(state.formatVersion, 3);
  });
});
