import assert from 'node:assert/strict';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { ELECTIONS_MAX } from '../../../../control-plane/state/elections.ts';
import { decodeState, encodeState } from '../../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../../control-plane/state/state.ts';
import { AT_MS, election } from '../../../support/log-commands.ts';

const RAISED = applyCommand(
  INITIAL_STATE,
  { term: 1, index: 1 },
  { kind: 'raise_format', key: 'raise', atMs: AT_MS, formatVersion: 2 },
).state;

function record(state: PlaneState, number: number, key = `k${number}`): PlaneState {
  const command = {
    kind: 'record_election',
    key,
    atMs: AT_MS,
    election: election(`e${number}`, { term: number }),
  } as const;
  const { state: next, result } = applyCommand(state, { term: 1, index: number }, command);
  assert.equal(result.kind, 'applied');
  return next;
}

const idsOf = (state: PlaneState) => state.elections.map(({ electionId }) => electionId);

describe('elections in the state', () => {
  it('stand in the order of the log, newest last', () => {
    assert.deepEqual(idsOf(record(record(RAISED, 2), 1)), ['e2', 'e1']);
  });

  it('are remembered once each, whatever the key under which one comes again', () => {
    const once = record(record(RAISED, 1), 2);
    const again = record(once, 1, 'another key');
    assert.equal(again.elections, once.elections);
    assert.deepEqual(idsOf(again), ['e1', 'e2']);
  });

  it('are bounded: the oldest leave', () => {
    let state = RAISED;
    for (let number = 1; number <= ELECTIONS_MAX + 3; number += 1) state = record(state, number);
    assert.equal(state.elections.length, ELECTIONS_MAX);
    assert.equal(state.elections[0]?.electionId, 'e4');
    assert.equal(state.elections.at(-1)?.electionId, `e${ELECTIONS_MAX + 3}`);
    assert.deepEqual(decodeState(encodeState(state)).elections, state.elections);
  });
});
