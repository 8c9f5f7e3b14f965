import assert from 'node:assert/strict';
import { PlantError, plantedSource } from '../../simulation/plant-loader.ts';
import { PLANTS } from '../../simulation/plants.ts';

describe('the faults that can be planted', () => {
  for (const plant of PLANTS) {
    it(`fit the sources: ${plant.name}`, () => {
      const source = plantedSource(plant);
      assert.ok(source.includes(plant.replace));
      assert.notEqual(plant.find, plant.replace);
    });
  }

  it('have names of their own', () => {
    const names = PLANTS.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    for (const name of names) assert.match(name, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  });

  it('are refused when their text is not there exactly once', () => {
    const file = 'control-plane/raft/voter.ts';
    const plant = { name: 'x', breaks: '', file, replace: '' };
    assert.throws(() => plantedSource({ ...plant, find: 'not there' }), PlantError);
    assert.throws(() => plantedSource({ ...plant, find: 'core' }), /occurs \d+ times/);
  });
});
