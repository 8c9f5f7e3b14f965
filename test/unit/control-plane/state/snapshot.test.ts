import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Command } from '../../../../control-plane/model/command.ts';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { canonicalJson, sameContent } from '../../../../control-plane/state/canonical.ts';
import {
  canonicalState,
  decodeState,
  encodeState,
  encodeStatePieces,
} from '../../../../control-plane/state/snapshot.ts';
import { commandText, parseCommandText } from '../../../../control-plane/state/command-text.ts';
import { NewerFormatError, ShapeError } from '../../../../control-plane/state/shape.ts';
import { SnapshotReader } from '../../../../control-plane/state/snapshot-reader.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../../control-plane/state/state.ts';
import { AT_MS, election, numbered } from '../../../support/log-commands.ts';
import { registration as registrationOf, workload } from '../../../support/log-commands.ts';
import { policy } from '../../../support/scale-input.ts';
import { anyCommand, anyHistory } from '../../../support/log-random.ts';

const ONE_NODE = applyCommand(INITIAL_STATE, { term: 1, index: 1 }, numbered(1)).state;
const RAISE: Command = { kind: 'raise_format', key: 'raise', atMs: AT_MS, formatVersion: 2 };

const [ELECTION_1, ELECTION_2] = ['e1', 'e2'].map((id): Command => ({
  kind: 'record_election',
  key: id,
  atMs: AT_MS,
  election: election(id),
})) as [Command, Command];

/** A snapshot as it was written before formats were numbered in commands: one line, maps in any order. */
const FORMAT_1 = JSON.stringify({
  formatVersion: 1,
  mode: 'advise',
  nodes: JSON.parse(
    `{"n":${nodeText('n')},"__proto__":${nodeText('__proto__')}}`,
  ) as PlaneState['nodes'],
  workloads: {
    w: {
      workload: workload('w'),
      version: 2,
      mode: 'act',
      desired: 3,
      desiredToken: { term: 1, index: 7 },
      inFlight: {
        ...{ decisionId: 'd', workloadId: 'w', fromReplicas: 2, toReplicas: 3 },
        ...{ startedAtMs: 1, deadlineMs: 2, token: { term: 1, index: 7 } },
      },
    },
  },
  policies: { p: { policy: policy(), version: 1 } },
  brakes: {
    p: {
      recommendations: [{ replicas: 3, firstAtMs: 1, lastAtMs: 2 }],
      lastOutAtMs: 1,
      lastInAtMs: null,
    },
  },
  appliedKeys: [
    { key: 'b', version: 1 },
    { key: 'a', version: 0 },
  ],
});

function nodeText(nodeId: string): string {
  return JSON.stringify({ registration: registrationOf(nodeId), registeredAtMs: 1 });
}

function inOneLine(text: string): string {
  return JSON.stringify(JSON.parse(text));
}

/** What a log would have carried, so that the values are those that every member sees. */
function applied(from: PlaneState, commands: readonly Command[], firstIndex = 1): PlaneState {
  return commands.reduce((state, command, at) => {
    const logged = parseCommandText(commandText(command));
    return applyCommand(state, { term: 2, index: firstIndex + at }, logged).state;
  }, from);
}

function manyNodes(count: number): PlaneState {
  let state = INITIAL_STATE;
  for (let at = 0; at < count; at += 1) {
    const registration = { ...registrationOf(`node-${at}`), hostname: 'é\n"\u2028\u{1f600}' };
    const command = { kind: 'register_node', key: `k${at}`, atMs: AT_MS, registration } as const;
    state = applyCommand(state, { term: 1, index: at }, command).state;
  }
  return state;
}

describe('snapshot of the state', () => {
  it('comes back exactly as it was, as the same bytes, and goes on alike', () => {
    const commands = fc.array(anyCommand, { maxLength: 40 });
    const property = fc.property(anyHistory(40), commands, (before, after) => {
      const state = applied(INITIAL_STATE, before);
      const encoded = encodeState(state);
      const back = decodeState(encoded);
      assert.equal(encodeState(back), encoded);
      assert.equal(canonicalState(back), canonicalState(state));
      const { appliedKeys, ...fields } = state;
      const { appliedKeys: keysBack, ...fieldsBack } = back;
      assert.deepEqual(fieldsBack, fields);
      assert.deepEqual([...keysBack], [...appliedKeys]);
      const [on, backOn] = [state, back].map((from) => applied(from, after, 100));
      assert(on !== undefined && backOn !== undefined);
      assert.equal(encodeState(backOn), encodeState(on));
      assert.equal(canonicalState(backOn), canonicalState(on));
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('is one JSON document, with ascending ids whatever the order in which they came', () => {
    const one = (id: string): Command => ({
      kind: 'register_node',
      key: id,
      atMs: AT_MS,
      registration: registrationOf(id),
    });
    const nodes = (ids: readonly string[]) => encodeState(applied(INITIAL_STATE, ids.map(one)));
    const text = nodes(['b', '10', 'a', '9']);
    assert.deepEqual(text.match(/^"\w+":\{"registration"/gm), [
      '"10":{"registration"',
      '"9":{"registration"',
      '"a":{"registration"',
      '"b":{"registration"',
    ]);
    const { nodes: parsed } = JSON.parse(text) as PlaneState;
    assert.equal(Object.keys(parsed).length, 4);
    const [first, second] = [nodes(['a', 'b']), nodes(['b', 'a'])];
    assert.equal(first.split('"appliedKeys"')[0], second.split('"appliedKeys"')[0]);
  });

  it('comes in pieces of a bounded size, which are the whole document', () => {
    const state = manyNodes(2_000);
    const pieces = [...encodeStatePieces(state)];
    assert.equal(pieces.join(''), encodeState(state));
    assert(pieces.length > 10);
    assert(pieces.every((piece) => Buffer.byteLength(piece) < 128 * 1024));
    // No character is cut in two.
    const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
    assert.equal(canonicalState(decodeState(bytes.toString('utf8'))), canonicalState(state));
  });

  it('is made of the state as it was when it was begun', () => {
    const state = manyNodes(1_000);
    const expected = encodeState(state);
    const pieces = encodeStatePieces(state);
    let text = '';
    let next = state;
    for (const piece of pieces) {
      text += piece;
      next = applied(next, [{ ...RAISE, key: `between ${text.length}` }]);
    }
    assert.equal(text, expected);
    assert.notEqual(encodeState(next), expected);
  });

  it('is read from pieces however they are cut', () => {
    const text = encodeState(applied(manyNodes(30), [RAISE]));
    const property = fc.property(
      fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 30 }),
      fc.boolean(),
      (cuts, asOneLine) => {
        const whole = asOneLine ? JSON.stringify(JSON.parse(text)) : text;
        const reader = new SnapshotReader();
        let from = 0;
        for (const cut of [...cuts.toSorted((a, b) => a - b), whole.length]) {
          reader.push(whole.slice(from, cut));
          from = Math.max(from, cut);
        }
        assert.equal(encodeState(reader.finish()), text);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it('is refused wherever it is cut off, at every character', () => {
    const text = encodeState(applied(ONE_NODE, [RAISE]));
    for (let length = 0; length < text.length; length += 1) {
      assert.throws(() => decodeState(text.slice(0, length)), ShapeError, `at ${length}`);
    }
  });

  it('is refused with a line more, a line less, a line twice, or two lines exchanged', () => {
    const text = encodeState(applied(manyNodes(3), [RAISE, ELECTION_1, ELECTION_2]));
    const lines = text.split('\n').slice(0, -1);
    const refuse = (changed: readonly string[], what: string): void => {
      assert.throws(() => decodeState(`${changed.join('\n')}\n`), ShapeError, what);
    };
    lines.forEach((line, at) => {
      const isValue = /^("node-|\{"(key|electionId)")/.test(line);
      // A value less, with the commas as they must be, is another snapshot and not a broken one.
      if (!isValue) refuse(lines.toSpliced(at, 1), `without ${line}`);
      refuse(lines.toSpliced(at, 0, line), `twice ${line}`);
      if (at > 0) refuse(lines.toSpliced(at, 0, ''), `an empty line before ${line}`);
      const next = lines[at + 1];
      const isList = /^\{"(key|electionId)"/.test(line) && next?.startsWith('{') === true;
      const sameEnd = next?.endsWith(',') === line.endsWith(',');
      if (next !== undefined && !(isList && sameEnd)) {
        refuse(lines.toSpliced(at, 2, next, line), `exchanged ${line}`);
      }
      refuse(lines.toSpliced(at, 1, line.endsWith(',') ? line.slice(0, -1) : `${line},`), line);
    });
  });

  it('has maps without a prototype again', () => {
    assert.equal(decodeState(encodeState(INITIAL_STATE)).workloads['constructor'], undefined);
  });

  it('of format 1, written as one line, is still read', () => {
    const state = decodeState(FORMAT_1);
    assert.equal(state.formatVersion, 1);
    assert.deepEqual(state.elections, []);
    assert.deepEqual(Object.keys(state.nodes), ['__proto__', 'n']);
    assert.equal(state.workloads['w']?.desired, 3);
    assert.deepEqual({ ...state.policyIdByWorkload }, { w: 'p' });
    assert.deepEqual(
      [...state.appliedKeys].map(({ key }) => key),
      ['b', 'a'],
    );
    assert.deepEqual(JSON.parse(encodeState(state)), JSON.parse(FORMAT_1));
    assert.equal(decodeState(encodeState(applied(state, [RAISE]))).formatVersion, 2);
  });

  it('refuses a newer format and says what to do, with the first line alone', () => {
    const message = /format 5, this program reads up to 4: run the version/;
    const newer = JSON.stringify({ formatVersion: 5, unheardOf: {} });
    assert.throws(() => decodeState(newer), NewerFormatError);
    assert.throws(() => decodeState(newer), message);
    assert.throws(() => new SnapshotReader().push('{"formatVersion":5,\n'), message);
  });

  for (const [title, change, message] of [
    ['cut off', (text: string) => text.slice(0, -5), /cut off/],
    ['cut off in its first line', (text: string) => text.slice(0, 12), /not JSON/],
    ['not an object', () => '[]', /is not an object/],
    ['of format 0', (text: string) => text.replace('":1', '":0'), /formatVersion: begins at 1/],
    [
      'of format 0, in one line',
      (text: string) => inOneLine(text).replace('":1', '":0'),
      /formatVersion: 0 is not a whole number/,
    ],
    [
      'without a map',
      (text: string) => text.replace('"brakes"', '"breaks"'),
      /line \d+ is not "brakes":\{/,
    ],
    [
      'without a map, in one line',
      (text: string) => inOneLine(text).replace('"brakes"', '"breaks"'),
      /\.brakes: nothing/,
    ],
    [
      'with an unknown field',
      (text: string) => `{"more":1,${text.slice(1)}`,
      /\.more: is not a field/,
    ],
    [
      'with an unknown field in an entry',
      (text: string) => text.replace('"registeredAtMs"', '"more":1,"registeredAtMs"'),
      /nodes\.node-1\.more: is not a field/,
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
    [
      'with a wrong key',
      (text: string) => text.replace('"version":0', '"version":-1'),
      /appliedKeys\[0\]\.version: -1 is not a whole number/,
    ],
    [
      'with two entries in one line',
      (text: string) => text.replace(/^"node-1":(.*)$/m, '"node-1":$1,"node-2":$1'),
      /line 4 is not one entry/,
    ],
    [
      'with a key twice',
      (text: string) => text.replace(/^(\{"key".*)$/m, '$1,\n$1'),
      /a key comes twice/,
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
