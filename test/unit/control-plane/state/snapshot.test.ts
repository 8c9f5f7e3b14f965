import assert from 'node:assert/strict';
import fc from 'fast-check';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { canonicalJson, sameContent } from '../../../../control-plane/state/canonical.ts';
import {
  canonicalState,
  decodeState,
  encodeState,
} from '../../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import { numbered } from '../../../support/log-commands.ts';
import { anyCommand } from '../../../support/log-random.ts';

const ONE_NODE = applyCommand(INITIAL_STATE, { term: 1, index: 1 }, numbered(1)).state;

describe('snapshot of the state', () => {
  it('comes back exactly as it was', () => {
    const property = fc.property(fc.array(anyCommand, { maxLength: 40 }), (commands) => {
      let state = INITIAL_STATE;
      commands.forEach((command, at) => {
        state = applyCommand(state, { term: 2, index: at }, command).state;
      });
      const back = decodeState(encodeState(state));
      assert.equal(canonicalState(back), canonicalState(state));
      assert.equal(encodeState(back), encodeState(state));
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('has maps without a prototype again', () => {
    assert.equal(decodeState(encodeState(INITIAL_STATE)).workloads['constructor'], undefined);
  });

  it('refuses a newer format and says what to do', () => {
    const newer = JSON.stringify({ ...INITIAL_STATE, formatVersion: 2 });
    assert.throws(
      () => decodeState(newer),
      /format 2, this program reads up to 1: run the version/,
    );
  });

  for (const [title, change, message] of [
    ['cut off', (text: string) => text.slice(0, -5), /not JSON/],
    ['not an object', () => '[]', /is not an object/],
    ['without a map', (text: string) => text.replace('"brakes"', '"breaks"'), /\.brakes: nothing/],
    [
      'with an unknown field',
      (text: string) => `{"more":1,${text.slice(1)}`,
      /\.more: is not a field/,
    ],
    [
      'with an unknown mode',
      (text: string) => text.replace('"act"', '"fly"'),
      /\.mode: "fly" is not/,
    ],
    [
      'with a text for a number',
      (text: string) => text.replace('"cpuCores":8', '"cpuCores":"8"'),
      /snapshot\.nodes\.node-1\.registration\.inventory\.cpuCores: "8" is not a finite number/,
    ],
    [
      'with a wrong element',
      (text: string) => text.replace('["inference"]', '["inference",7]'),
      /capabilities\[1\]: 7 is not a string/,
    ],
  ] as const) {
    it(`refuses one that is ${title}`, () => {
      assert.throws(() => decodeState(change(encodeState(ONE_NODE))), message);
    });
  }
});

describe('canonical JSON', () => {
  it('is the same for the same content, whatever the order of keys', () => {
    const property = fc.property(fc.jsonValue(), (value) => {
      assert.equal(canonicalJson(shuffled(value)), canonicalJson(value));
      const parsed: unknown = JSON.parse(canonicalJson(value));
      assert.equal(canonicalJson(parsed), canonicalJson(value));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('says the same as the comparison without strings', () => {
    const near = fc.constantFrom(null, 0, -0, 1, '', 'a', [], {}, [0], ['a'], { a: 0 }, { a: [] });
    const shape = fc.oneof(near, fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), near));
    const property = fc.property(shape, shape, (a, b) => {
      assert.equal(sameContent(a, b), canonicalJson(a) === canonicalJson(b));
      assert(sameContent(a, shuffled(a)));
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('differs for different content', () => {
    assert.notEqual(canonicalJson({ a: 1, b: 2 }), canonicalJson({ a: 2, b: 1 }));
    assert.notEqual(canonicalJson(['a', 'b']), canonicalJson(['a,b']));
    assert.notEqual(canonicalJson({ a: null }), canonicalJson({}));
  });
});

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, shuffled(member)]),
  );
}
