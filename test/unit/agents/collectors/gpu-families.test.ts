import assert from 'node:assert/strict';
import { FIELDS, GPU_FAMILIES } from '../../../../agents/collectors/gpu-families.ts';
import { GPU_FIELDS } from '../../../../agents/sources/gpu/snapshot.ts';

describe('GPU_FAMILIES', () => {
  it('has one family per field, each once', () => {
    const names = GPU_FAMILIES.map((family) => family.name);
    assert.equal(new Set(names).size, names.length);
    for (const field of GPU_FIELDS) assert.ok(names.includes(`omnimind_gpu_${field}`), field);
    assert.equal(FIELDS.size, GPU_FIELDS.length);
  });

  it('names counters with _total and nothing else, and labels the values of a GPU with its uuid alone', () => {
    for (const { name, type } of GPU_FAMILIES) {
      assert.equal(type === 'counter', name.endsWith('_total'), name);
      assert.match(name, /^omnimind_gpu_[a-z0-9_]+$/);
    }
    for (const { family } of FIELDS.values()) assert.deepEqual(family.labels, ['uuid']);
  });
});
