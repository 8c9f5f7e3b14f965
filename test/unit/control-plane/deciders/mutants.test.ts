/** The mutants of `npm run bench -- mutants` must fit the sources as they are, or they prove nothing. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { MUTANTS } from '../../../bench/mutants-list.part.ts';
import { plantedSource } from '../../../simulation/plant-loader.ts';

const DECIDERS = new URL('../../../../control-plane/deciders/', import.meta.url);
/** Types alone, and a list without code. */
const WITHOUT = ['surroundings.ts'];

describe('mutants of the deciders', () => {
  it('are at least 60, each with a name of its own', () => {
    assert.ok(MUTANTS.length >= 60);
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  });

  it('fit their sources exactly once, and change them', () => {
    for (const mutant of MUTANTS) {
      assert.notEqual(mutant.find, mutant.replace, mutant.name);
      assert.ok(plantedSource(mutant).includes(mutant.replace), mutant.name);
    }
  });

  it('leave out no file of the pipeline', () => {
    const mutated = new Set(MUTANTS.map(({ file }) => file));
    const files = readdirSync(DECIDERS).filter((name) => name.endsWith('.ts'));
    for (const name of files) {
      if (WITHOUT.includes(name)) continue;
      assert.ok(mutated.has(`control-plane/deciders/${name}`), name);
    }
  });
});
