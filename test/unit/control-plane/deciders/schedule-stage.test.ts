import assert from 'node:assert/strict';
import fc from 'fast-check';
import { applySchedules } from '../../../../control-plane/deciders/schedule-stage.ts';
import type { ActiveSchedule } from '../../../../control-plane/model/schedule.ts';

const floor = (replicas: number, name = 'office'): ActiveSchedule => ({
  name,
  kind: 'floor',
  replicas,
  fromMs: 0,
  untilMs: 1,
});
const cap = (replicas: number, name = 'night'): ActiveSchedule => ({
  ...floor(replicas, name),
  kind: 'cap',
});

const CASES: readonly [
  title: string,
  before: number,
  active: readonly ActiveSchedule[],
  after: number,
  reason: 'schedule_floor' | 'schedule_cap' | null,
  detail: string,
][] = [
  ['leaves the number without a schedule', 5, [], 5, null, ''],
  ['raises to the floor', 5, [floor(6)], 6, 'schedule_floor', 'office asks for at least 6'],
  ['leaves a number at the floor', 6, [floor(6)], 6, null, ''],
  ['leaves a number above the floor', 7, [floor(6)], 7, null, ''],
  ['lowers to the cap', 7, [cap(6)], 6, 'schedule_cap', 'night asks for at most 6'],
  ['leaves a number at the cap', 6, [cap(6)], 6, null, ''],
  ['leaves a number below the cap', 5, [cap(6)], 5, null, ''],
  ['lowers to a cap of none', 3, [cap(0)], 0, 'schedule_cap', 'night asks for at most 0'],
  [
    'takes the highest floor',
    1,
    [floor(3, 'a'), floor(5, 'b'), floor(4, 'c')],
    5,
    'schedule_floor',
    'b asks for at least 5',
  ],
  [
    'takes the lowest cap',
    9,
    [cap(5, 'a'), cap(3, 'b'), cap(4, 'c')],
    3,
    'schedule_cap',
    'b asks for at most 3',
  ],
  [
    'names the first of equal floors',
    1,
    [floor(3, 'a'), floor(3, 'b')],
    3,
    'schedule_floor',
    'a asks for at least 3',
  ],
  [
    'names the first of equal caps',
    9,
    [cap(3, 'a'), cap(3, 'b')],
    3,
    'schedule_cap',
    'a asks for at most 3',
  ],
  ['leaves a number between floor and cap', 4, [floor(3), cap(5)], 4, null, ''],
  [
    'raises to a floor below the cap',
    2,
    [floor(3), cap(5)],
    3,
    'schedule_floor',
    'office asks for at least 3',
  ],
  [
    'raises to a floor at the cap',
    2,
    [floor(5), cap(5)],
    5,
    'schedule_floor',
    'office asks for at least 5',
  ],
  [
    'lowers to a cap above the floor',
    6,
    [floor(3), cap(5)],
    5,
    'schedule_cap',
    'night asks for at most 5',
  ],
  [
    'lowers to a cap at the floor',
    6,
    [floor(5), cap(5)],
    5,
    'schedule_cap',
    'night asks for at most 5',
  ],
  [
    'raises no further than the cap where a floor is above it',
    2,
    [floor(8), cap(5)],
    5,
    'schedule_floor',
    'office asks for at least 8, of which night asks for at most 5 leaves 5',
  ],
  [
    'stays at the cap where a floor is above it, and says so',
    5,
    [floor(8), cap(5)],
    5,
    'schedule_cap',
    'night asks for at most 5, and goes before office asks for at least 8',
  ],
  [
    'lowers to the cap where a floor is above it',
    7,
    [floor(8), cap(5)],
    5,
    'schedule_cap',
    'night asks for at most 5, and goes before office asks for at least 8',
  ],
];

const schedules = fc.array(
  fc
    .tuple(fc.boolean(), fc.nat(20))
    .map(([isFloor, replicas]) => (isFloor ? floor(replicas) : cap(replicas))),
  { maxLength: 6 },
);

describe('applySchedules', () => {
  for (const [title, before, active, after, reason, detail] of CASES) {
    it(title, () => assert.deepEqual(applySchedules(before, active), { after, reason, detail }));
  }

  it('stays within every cap, and at or above every floor that the caps allow', () => {
    fc.assert(
      fc.property(fc.nat(30), schedules, (before, active) => {
        const { after, reason, detail } = applySchedules(before, active);
        const least = Math.max(
          0,
          ...active.filter(({ kind }) => kind === 'floor').map(({ replicas }) => replicas),
        );
        const most = Math.min(
          Infinity,
          ...active.filter(({ kind }) => kind === 'cap').map(({ replicas }) => replicas),
        );
        assert.equal(after, Math.min(most, Math.max(least, before)));
        assert.equal(detail === '', reason === null);
        if (after !== before)
          assert.equal(reason, after > before ? 'schedule_floor' : 'schedule_cap');
      }),
    );
  });

  it('does not depend on the order of the schedules', () => {
    fc.assert(
      fc.property(fc.nat(30), schedules, (before, active) => {
        const turned = applySchedules(before, active.toReversed());
        assert.equal(turned.after, applySchedules(before, active).after);
        assert.equal(turned.reason, applySchedules(before, active).reason);
      }),
    );
  });
});
