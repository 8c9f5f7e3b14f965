import assert from 'node:assert/strict';
import fc from 'fast-check';
import type {
  Configuration,
  MembershipChange,
} from '../../../../control-plane/model/configuration.ts';
import { isJoint, membersOf } from '../../../../control-plane/model/configuration.ts';
import { changeConfiguration, withoutOutgoing } from '../../../../control-plane/raft/membership.ts';
import { configurationOf } from '../../../support/raft-core.ts';

const NOTHING: MembershipChange = { add: [], promote: [], remove: [] };
const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];

function next(
  current: Configuration,
  change: Partial<MembershipChange>,
  lagOf: (id: string) => number = () => 0,
): Configuration | string {
  const outcome = changeConfiguration(current, { ...NOTHING, ...change }, lagOf, 10);
  return outcome.kind === 'next' ? outcome.configuration : outcome.reason;
}

function adding(...ids: readonly string[]): MembershipChange['add'] {
  return ids.map((memberId) => ({ memberId, address: `${memberId}:1` }));
}

describe('changeConfiguration', () => {
  it('dissertation 4.2.1: a member joins as a learner, at once', () => {
    assert.deepEqual(
      next(configurationOf('a b'), { add: adding('c') }),
      configurationOf('a b', '', 'c'),
    );
  });

  it('6: a learner becomes a voter through a joint configuration', () => {
    const current = configurationOf('a b', '', 'c d');
    assert.deepEqual(next(current, { promote: ['c'] }), configurationOf('a b c', 'a b', 'd'));
  });

  it('6: a voter leaves through a joint configuration, a learner at once', () => {
    const current = configurationOf('a b c', '', 'd');
    assert.deepEqual(next(current, { remove: ['b'] }), configurationOf('a c', 'a b c', 'd'));
    assert.deepEqual(next(current, { remove: ['d'] }), configurationOf('a b c'));
  });

  it('6: voters are replaced in one joint step, and who leaves keeps its address in it', () => {
    const current = configurationOf('a b c', '', 'd');
    const change = { promote: ['d'], remove: ['c'], add: adding('e') };
    const joint = configurationOf('a b d', 'a b c', 'e');
    assert.deepEqual(next(current, change), joint);
    assert.deepEqual(withoutOutgoing(joint), configurationOf('a b d', '', 'e'));
  });

  it('keeps the address of a member, and takes the given one of a new one', () => {
    const current = { ...configurationOf('a'), addresses: { a: 'old:7' } };
    const changed = next(current, { add: [{ memberId: 'b', address: 'new:9' }] });
    assert(typeof changed === 'object');
    assert.deepEqual(changed.addresses, { a: 'old:7', b: 'new:9' });
  });

  const current = configurationOf('a b', '', 'c');
  const refusals: readonly (readonly [string, Configuration, Partial<MembershipChange>, string])[] =
    [
      ['nothing asked', current, {}, 'nothing_to_change'],
      ['a member named twice', current, { promote: ['c'], remove: ['c'] }, 'nothing_to_change'],
      ['a voter that is added', current, { add: adding('a') }, 'member_exists'],
      ['a learner that is added', current, { add: adding('c') }, 'member_exists'],
      ['a stranger that is promoted', current, { promote: ['x'] }, 'member_unknown'],
      ['a stranger that is removed', current, { remove: ['x'] }, 'member_unknown'],
      ['a voter that is promoted', current, { promote: ['a'] }, 'not_a_learner'],
      ['all voters removed', current, { remove: ['a', 'b'] }, 'no_voter_left'],
      [
        'a joint configuration',
        configurationOf('a', 'a b'),
        { add: adding('d') },
        'change_under_way',
      ],
    ];
  for (const [title, from, change, reason] of refusals) {
    it(`refuses ${title}: ${reason}`, () => assert.equal(next(from, change), reason));
  }

  it('refuses a learner that lags more than the bound, and takes one at the bound', () => {
    assert.equal(
      next(current, { promote: ['c'] }, () => 11),
      'learner_lags',
    );
    assert.equal(typeof next(current, { promote: ['c'] }, () => 10), 'object');
    assert.equal(
      next(current, { promote: ['c'] }, () => Infinity),
      'learner_lags',
    );
  });

  it('replaces all voters by learners in one step', () => {
    const change = { promote: ['c'], remove: ['a', 'b'] };
    assert.deepEqual(next(current, change), configurationOf('c', 'a b'));
  });

  it('6: any accepted change of voters is joint with those before, and every member has an address', () => {
    const lists = fc.subarray(IDS);
    const starting = fc
      .tuple(fc.subarray(IDS, { minLength: 1 }), lists)
      .map(([voters, rest]) =>
        configurationOf(voters.join(' '), '', rest.filter((id) => !voters.includes(id)).join(' ')),
      );
    const asked = fc.record({ add: lists, promote: lists, remove: lists });
    fc.assert(
      fc.property(starting, asked, (before, { add, promote, remove }) => {
        const after = next(before, { add: adding(...add), promote, remove });
        if (typeof after === 'string') return;
        for (const list of [after.voters, after.outgoing, after.learners]) {
          assert.deepEqual(list, [...new Set(list)].sort());
        }
        const sameVoters = after.voters.join(' ') === before.voters.join(' ');
        assert.equal(isJoint(after), !sameVoters);
        if (isJoint(after)) assert.deepEqual(after.outgoing, before.voters);
        assert(after.voters.length > 0);
        assert(after.learners.every((id) => !after.voters.includes(id)));
        assert.deepEqual(Object.keys(after.addresses), membersOf(after));
        assert(Object.entries(after.addresses).every(([id, address]) => address === `${id}:1`));
        const left = withoutOutgoing(after);
        assert.deepEqual(
          [left.voters, left.outgoing, left.learners],
          [after.voters, [], after.learners],
        );
        assert.deepEqual(Object.keys(left.addresses), membersOf(left));
      }),
    );
  });
});
