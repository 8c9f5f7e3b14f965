import assert from 'node:assert/strict';
import { ArgumentError, readArguments } from '../../simulation/arguments.ts';
import { PLANTS } from '../../simulation/plants.ts';

describe('the arguments of the simulation', () => {
  it('are seeds, the first of them, and what is to be planted', () => {
    const [plant] = PLANTS;
    assert.ok(plant !== undefined);
    const asked = readArguments(['--seeds', '20', '--from', '7', '--plant', plant.name]);
    assert.deepEqual(asked, {
      kind: 'seeds',
      from: 7,
      seeds: 20,
      plant,
      faults: null,
      trace: false,
    });
    assert.equal(readArguments([]).seeds, 500);
    assert.equal(readArguments(['--plants']).kind, 'plants');
    assert.deepEqual(readArguments(['--seeds', '1', '--faults', '3,5']).faults, [3, 5]);
    assert.deepEqual(readArguments(['--seeds', '1', '--faults', 'none']).faults, []);
  });

  for (const [args, message] of [
    [['--seeds', '0'], /--seeds 0: give a whole number from 1/],
    [['--seeds', '1.5'], /--seeds 1\.5/],
    [['--from', 'x'], /--from x/],
    [['--plant', 'nothing'], /--plant nothing: give one of .*vote-not-persisted/],
    [['--plants', '--seeds', '3'], /--plants runs by itself/],
    [['--trace'], /add --seeds 1/],
    [['--seeds', '1', '--faults', '1,x'], /--faults 1,x/],
    [['--sed', '3'], /--sed/],
    [['3'], /3/],
  ] as const) {
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(
        () => readArguments(args),
        (error) => error instanceof ArgumentError && message.test(error.message),
      );
    });
  }
});
