import assert from 'node:assert/strict';
import { Peers } from '../../../../../control-plane/loops/raft/peers.ts';
import type { Configuration } from '../../../../../control-plane/model/configuration.ts';
import { votersOnly } from '../../../../support/raft-member-cluster.ts';

describe('peers', () => {
  const connected: string[][] = [];
  const peers = () =>
    new Peers('m1', 1_000, (all) => connected.push([...all].map(([id, at]) => `${id}=${at}`)));

  beforeEach(() => {
    connected.length = 0;
  });

  it('are all members but this one, learners and leaving ones too', () => {
    const configuration: Configuration = {
      voters: ['m1', 'm2'],
      outgoing: ['m1', 'm3'],
      learners: ['m4', 'm5'],
      addresses: { m1: 'a:1', m2: 'a:2', m3: 'a:3', m4: 'a:4', m5: '' },
    };
    peers().follow(configuration, 0);
    assert.deepEqual(connected, [['m2=a:2', 'm3=a:3', 'm4=a:4']]);
  });

  it('are told of once, and again when an address changes', () => {
    const told = peers();
    told.follow(votersOnly('m1', 'm2'), 0);
    told.follow(votersOnly('m1', 'm2'), 1);
    told.follow({ ...votersOnly('m1', 'm2'), addresses: { m2: 'b:2' } }, 2);
    assert.deepEqual(connected, [['m2=m2:7500'], ['m2=b:2']]);
  });

  it('are kept for a while after they left, unless they come back', () => {
    const told = peers();
    told.follow(votersOnly('m1', 'm2', 'm3'), 0);
    const smaller = votersOnly('m1', 'm2');
    for (const nowMs of [10, 500, 1_009]) told.follow(smaller, nowMs);
    assert.equal(connected.length, 1);
    told.follow(smaller, 1_010);
    assert.deepEqual(connected.at(-1), ['m2=m2:7500']);
    told.follow(votersOnly('m1', 'm2', 'm3'), 1_020);
    told.follow(smaller, 1_030);
    told.follow(votersOnly('m1', 'm2', 'm3'), 1_040);
    told.follow(smaller, 1_900);
    told.follow(smaller, 2_100);
    assert.equal(connected.length, 3, 'the farewell begins anew');
  });
});
