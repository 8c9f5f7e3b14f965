import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Configuration, MemberId } from '../../../../control-plane/model/configuration.ts';
import { quorumValue, tallyVotes } from '../../../../control-plane/raft/quorum.ts';
import { configurationOf } from '../../../support/raft-core.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

const voters = fc.subarray(IDS, { minLength: 1 });
const configurations = fc
  .record({ voters, outgoing: fc.oneof(fc.constant<string[]>([]), voters) })
  .chain(({ voters: incoming, outgoing }) => {
    const rest = IDS.filter((id) => !incoming.includes(id) && !outgoing.includes(id));
    return fc
      .subarray(rest)
      .map((learners) =>
        configurationOf(incoming.join(' '), outgoing.join(' '), learners.join(' ')),
      );
  });

/** Whether the members are more than half of the voters, and more than half of the outgoing ones. */
function decides(
  { voters: incoming, outgoing }: Configuration,
  members: readonly MemberId[],
): boolean {
  const isMost = (half: readonly MemberId[]): boolean =>
    half.filter((id) => members.includes(id)).length * 2 > half.length;
  return isMost(incoming) && (outgoing.length === 0 || isMost(outgoing));
}

function subsets(ids: readonly MemberId[]): readonly (readonly MemberId[])[] {
  return Array.from({ length: 2 ** ids.length }, (_, bits) =>
    ids.filter((_id, at) => (bits & (1 << at)) !== 0),
  );
}

describe('quorumValue', () => {
  it('5.3: is what most of the voters have reached', () => {
    const values: Readonly<Record<string, number>> = { a: 9, b: 7, c: 3 };
    assert.equal(
      quorumValue(configurationOf('a b c'), (id) => values[id] ?? 0),
      7,
    );
    assert.equal(
      quorumValue(configurationOf('a b'), (id) => values[id] ?? 0),
      7,
    );
    assert.equal(
      quorumValue(configurationOf('a'), (id) => values[id] ?? 0),
      9,
    );
  });

  it('dissertation 4.3: is what both halves of a joint configuration have reached', () => {
    const values: Readonly<Record<string, number>> = { a: 9, b: 2, c: 1, d: 8, e: 7 };
    const joint = configurationOf('a d e', 'a b c');
    assert.equal(
      quorumValue(joint, (id) => values[id] ?? 0),
      2,
    );
  });

  it('dissertation 4.2.1: does not ask learners', () => {
    const value = quorumValue(configurationOf('a', '', 'b c'), (id) => {
      assert.equal(id, 'a');
      return 4;
    });
    assert.equal(value, 4);
  });

  it('is -Infinity without voters', () => {
    assert.equal(
      quorumValue(configurationOf(''), () => 5),
      -Infinity,
    );
  });

  it('is the best worst value of any set of members that decides, joint or not', () => {
    const values = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(configurations, values, (configuration, numbers) => {
        const valueOf = (id: MemberId): number => numbers[IDS.indexOf(id)] ?? 0;
        const deciding = subsets(IDS).filter((members) => decides(configuration, members));
        const best = Math.max(...deciding.map((members) => Math.min(...members.map(valueOf))));
        assert.equal(quorumValue(configuration, valueOf), best);
      }),
    );
  });
});

describe('tallyVotes', () => {
  it('5.2: is won with more than half of the voters, and not with half', () => {
    const votes = new Map([
      ['a', true],
      ['b', true],
    ]);
    assert.equal(tallyVotes(configurationOf('a b c'), votes), 'won');
    assert.equal(tallyVotes(configurationOf('a b c d'), votes), 'open');
  });

  it('is lost without voters', () => {
    assert.equal(tallyVotes(configurationOf('', '', 'a'), new Map([['a', true]])), 'lost');
  });

  it('is won, lost or open as all that may still be answered tells, joint or not', () => {
    const answers = fc.array(fc.constantFrom(true, false, null), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(configurations, answers, (configuration, given) => {
        const votes = new Map<MemberId, boolean>();
        given.forEach((vote, at) => {
          const id = IDS[at];
          if (vote !== null && id !== undefined) votes.set(id, vote);
        });
        const granted = IDS.filter((id) => votes.get(id) === true);
        const unanswered = IDS.filter((id) => !votes.has(id));
        const canWin = decides(configuration, [...granted, ...unanswered]);
        const expected = decides(configuration, granted) ? 'won' : canWin ? 'open' : 'lost';
        assert.equal(tallyVotes(configuration, votes), expected);
      }),
    );
  });
});
