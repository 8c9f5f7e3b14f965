import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pickWinner } from '../../../../../control-plane/deciders/strategies/groups.ts';
import type { Check } from '../../../../../control-plane/deciders/strategies/groups.ts';

const CURRENT = 5;

const check = (
  name: string,
  group: string | null,
  replicas: number | null,
  limited = false,
): Check => ({
  name,
  group,
  proposal:
    replicas === null
      ? { kind: 'none', reason: 'signal_absent', detail: 'nothing there' }
      : {
          kind: 'replicas',
          replicas,
          ratio: null,
          withinTolerance: false,
          limited: limited ? 'signal_partial' : null,
          detail: `asks for ${replicas}`,
        },
});
const alone = (name: string, replicas: number | null, limited = false) =>
  check(name, null, replicas, limited);
const inA = (name: string, replicas: number | null, limited = false) =>
  check(name, 'a', replicas, limited);
const inB = (name: string, replicas: number | null) => check(name, 'b', replicas);

/** Expected: the replicas and the check that wins, or the reason for none. */
const CASES: readonly [string, readonly Check[], readonly [number, string] | string][] = [
  ['one check wins', [alone('x', 7)], [7, 'x']],
  ['up beats stay', [alone('x', 5), alone('y', 6)], [6, 'y']],
  ['up beats down', [alone('x', 1), alone('y', 6)], [6, 'y']],
  ['stay beats down', [alone('x', 1), alone('y', 5)], [5, 'y']],
  ['the larger of two ups', [alone('x', 6), alone('y', 9)], [9, 'y']],
  ['the larger of two downs', [alone('x', 1), alone('y', 3)], [3, 'y']],
  ['of equals the first by name', [alone('y', 6), alone('x', 6)], [6, 'x']],
  ['all stay', [alone('x', 5), alone('y', 5)], [5, 'x']],
  ['in a group those that stay abstain', [inA('high', 5), inA('low', 4)], [4, 'low']],
  ['in a group up beats down', [inA('high', 6), inA('low', 4)], [6, 'high']],
  ['in a group the larger of two downs', [inA('x', 2), inA('y', 4)], [4, 'y']],
  ['in a group all staying is staying', [inA('x', 5), inA('y', 5)], [5, 'x']],
  [
    'a group that stays stops one that goes down',
    [inA('x', 5), inA('y', 5), inB('z', 3)],
    [5, 'x'],
  ],
  ['abstaining does not stop another group', [inA('x', 5), inA('y', 4), inB('z', 3)], [4, 'y']],
  ['of two groups the larger down', [inA('x', 2), inB('y', 4)], [4, 'y']],
  ['of two groups up', [inA('x', 2), inB('y', 6)], [6, 'y']],
  ['one alone that stays stops a group', [alone('x', 5), inA('y', 5), inA('z', 3)], [5, 'x']],
  ['one alone that goes up beats a group', [alone('x', 8), inA('y', 7), inA('z', 3)], [8, 'x']],
  ['alone they do not abstain', [alone('x', 5), alone('y', 3), inA('z', 3)], [5, 'x']],
  ['a failed one stops going down', [alone('x', null), alone('y', 3)], [5, 'x']],
  ['a failed one does not stop going up', [alone('x', null), alone('y', 9)], [9, 'y']],
  ['a failed one of a group does not abstain', [inA('x', null), inA('y', 3)], [5, 'x']],
  ['nor when all others abstain', [inA('x', null), inA('y', 5)], [5, 'x']],
  ['in a group it does not stop going up', [inA('x', null), inA('y', 9)], [9, 'y']],
  ['in a group it stops the other groups', [inA('x', null), inB('y', 3)], [5, 'x']],
  ['an incomplete one that stays has failed', [inA('x', 5, true), inA('y', 3)], [5, 'x']],
  ['an incomplete one cannot go down', [alone('x', 3, true)], [5, 'x']],
  ['an incomplete one may go up', [alone('x', 8, true), alone('y', 3)], [8, 'x']],
  ['all failed is none', [alone('x', null), inA('y', null)], 'signal_absent'],
  ['no checks is none', [], 'signal_absent'],
];

describe(`pickWinner: ${CASES.length} cases from nomad-autoscaler`, () => {
  for (const [title, checks, expected] of CASES) {
    it(title, () => {
      const winner = pickWinner(checks, CURRENT, 'default');
      const got = winner.kind === 'none' ? winner.reason : [winner.replicas, winner.check];
      assert.deepEqual(got, expected);
    });
  }

  it('nomad: one failed check aborts all', () => {
    const winner = pickWinner([alone('x', null), alone('y', 9)], CURRENT, 'nomad');
    assert.deepEqual(winner, { kind: 'none', reason: 'signal_absent', detail: 'x: nothing there' });
  });

  it('nomad: decides as default does when none failed', () => {
    for (const [, checks] of CASES) {
      if (checks.some(({ proposal }) => proposal.kind === 'none')) continue;
      assert.deepEqual(
        pickWinner(checks, CURRENT, 'nomad'),
        pickWinner(checks, CURRENT, 'default'),
      );
    }
  });

  it('says of each check where it stands', () => {
    const checks = [
      inA('a-high', 5),
      inA('a-low', 4),
      inA('a-lower', 3),
      inB('b', 2),
      check('c-one', 'c', 5),
      check('c-two', 'c', 3),
    ];
    const winner = pickWinner(checks, CURRENT, 'default');
    assert.ok(winner.kind === 'replicas');
    assert.equal(winner.direction, 'down');
    assert.equal(winner.limited, null);
    assert.deepEqual(
      winner.standings.map(({ name, direction, standing }) => [name, direction, standing]),
      [
        ['a-high', 'stay', 'abstained'],
        ['a-low', 'down', 'winner'],
        ['a-lower', 'down', 'outvoted_in_group'],
        ['b', 'down', 'outvoted'],
        ['c-one', 'stay', 'abstained'],
        ['c-two', 'down', 'outvoted'],
      ],
    );
  });

  it('says which failure holds the number, and which did not matter', () => {
    const held = pickWinner([alone('x', null), alone('y', 3)], CURRENT, 'default');
    assert.ok(held.kind === 'replicas');
    assert.equal(held.limited, 'signal_absent');
    const raised = pickWinner([alone('x', null), alone('y', 9)], CURRENT, 'default');
    assert.ok(raised.kind === 'replicas');
    assert.equal(raised.limited, null);
    assert.equal(raised.standings[0]?.standing, 'failed');
  });
});

const anyChecks = fc
  .array(
    fc.record({
      group: fc.constantFrom(null, 'a', 'b'),
      replicas: fc.option(fc.integer({ min: 0, max: 10 }), { freq: 6 }),
      limited: fc.boolean(),
    }),
    { maxLength: 8 },
  )
  .map((drawn) =>
    drawn.map(({ group, replicas, limited }, index) =>
      check(`c${index}`, group, replicas, limited && index % 3 === 0),
    ),
  );

describe('pickWinner: properties', () => {
  it('does not depend on the order of checks', () => {
    fc.assert(
      fc.property(anyChecks, fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), (checks, keys) => {
        const shuffled = checks
          .map((one, index) => ({ one, key: keys[index] ?? 0 }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ one }) => one);
        assert.deepEqual(
          pickWinner(shuffled, CURRENT, 'default'),
          pickWinner(checks, CURRENT, 'default'),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('never goes down while any check failed or is incomplete', () => {
    fc.assert(
      fc.property(anyChecks, (checks) => {
        const winner = pickWinner(checks, CURRENT, 'default');
        if (winner.kind === 'none') return;
        const broken = checks.some(
          ({ proposal }) => proposal.kind === 'none' || proposal.limited !== null,
        );
        if (broken) assert.ok(winner.replicas >= CURRENT);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is monotone in every proposal, and the winner is one of them or what there is', () => {
    fc.assert(
      fc.property(anyChecks, fc.nat(7), fc.integer({ min: 1, max: 5 }), (checks, at, more) => {
        const raised = checks.map((one, index) =>
          index === at && one.proposal.kind === 'replicas'
            ? { ...one, proposal: { ...one.proposal, replicas: one.proposal.replicas + more } }
            : one,
        );
        const light = pickWinner(checks, CURRENT, 'default');
        const heavy = pickWinner(raised, CURRENT, 'default');
        if (light.kind === 'none' || heavy.kind === 'none') return;
        const asked = checks.map(({ proposal }) => 'replicas' in proposal && proposal.replicas);
        assert.ok(light.replicas === CURRENT || asked.includes(light.replicas));
        const isAbstaining = raised.some(
          ({ group, proposal }) =>
            group !== null && proposal.kind === 'replicas' && proposal.replicas === CURRENT,
        );
        // Raised into staying, a check of a group abstains: that is the rule, and its price.
        if (!isAbstaining) assert.ok(heavy.replicas >= light.replicas);
      }),
      { numRuns: 3_000 },
    );
  });
});
