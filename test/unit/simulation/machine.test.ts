import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ListMachine, decodeWrite, encodeWrite } from '../../simulation/machine.ts';
import { PlaneMachine, encodePlaneWrite, planeWrite } from '../../simulation/plane-machine.ts';

const writes = fc.array(
  fc.record({ key: fc.integer({ min: 0, max: 3 }), value: fc.integer({ min: 1, max: 60 }) }),
);

describe('the machines that a simulated cluster replicates', () => {
  it('come back from a snapshot as they were, and go on alike', () => {
    const property = fc.property(writes, writes, (before, after) => {
      for (const [machine, encode] of [
        [new ListMachine(), (write: (typeof before)[0]) => encodeWrite(write, 3)],
        [new PlaneMachine(), encodePlaneWrite],
      ] as const) {
        let index = 0;
        const entryOf = (write: (typeof before)[0]) => {
          index += 1;
          return { index, term: 1, type: 'command', payload: encode(write) } as const;
        };
        for (const write of before) machine.apply(entryOf(write));
        const back = machine.unpack(machine.pack());
        assert.equal(back.text(), machine.text());
        assert.equal(back.digest(), machine.digest());
        for (const write of after) {
          const entry = entryOf(write);
          assert.deepEqual(back.apply(entry), machine.apply(entry));
        }
        assert.equal(back.digest(), machine.digest());
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('say what write an entry carries', () => {
    const write = { key: 2, value: 77 };
    assert.deepEqual(decodeWrite(encodeWrite(write, 9)), write);
    assert.deepEqual(planeWrite(encodePlaneWrite(write)), write);
  });

  it('differ when their writes differ, also in order alone', () => {
    const told = (values: readonly number[]): number => {
      const machine = new ListMachine();
      values.forEach((value, at) => {
        const payload = encodeWrite({ key: 0, value }, 0);
        machine.apply({ index: at + 1, term: 1, type: 'command', payload });
      });
      return machine.digest();
    };
    assert.notEqual(told([1, 2]), told([2, 1]));
    assert.notEqual(told([1]), told([]));
  });
});
