import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Command, DecisionEntry } from '../../../../control-plane/model/command.ts';
import { NO_MEMORY } from '../../../../control-plane/model/decision.ts';
import { POLICY_FIELDS_4 } from '../../../../control-plane/model/policy.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import { STRATEGY_KINDS } from '../../../../control-plane/model/strategy.ts';
import type { StrategySpec } from '../../../../control-plane/model/strategy.ts';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { commandText, parseCommandText } from '../../../../control-plane/state/command-text.ts';
import {
  FORMAT_MAX,
  FORMAT_UNASKED,
  formatOf,
  isInForce,
  raiseFor,
} from '../../../../control-plane/state/format.ts';
import {
  MEMORY_ITEMS_MAX,
  MEMORY_NAMES_MAX,
} from '../../../../control-plane/state/memory-shape.ts';
import { NewerFormatError, ShapeError } from '../../../../control-plane/state/shape.ts';
import { encodeState } from '../../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../../control-plane/state/state.ts';
import type { Workload } from '../../../../control-plane/model/workload.ts';
import { dockerWorkload } from '../../../support/docker-workload.ts';
import { AT_MS, election, entry, numbered, workload } from '../../../support/log-commands.ts';
import { anyCommand } from '../../../support/log-random.ts';
import { newerParts, strategiesByKind } from '../../../support/policy-random.ts';
import { metric, policy } from '../../../support/scale-input.ts';

const TOKEN = { term: 3, index: 9 };
const head = { key: 'k', atMs: AT_MS };
const raise = (formatVersion: number, key = 'raise'): Command => ({
  kind: 'raise_format',
  key,
  atMs: AT_MS,
  formatVersion,
});
const put = (one: Workload): Command => ({
  ...{ ...head, kind: 'put_workload', source: 'api', expectedVersion: null, workload: one },
});
const ELECTION: Command = { ...head, kind: 'record_election', election: election('e1') };
const FENCED: Command = { ...head, kind: 'record_decisions', entries: [], decidedInTerm: 3 };

const EVENT = { atMs: AT_MS, change: 1 };
const agreement = { query: 'b', toleranceRatio: 0.1 };
const budget = { id: 'b', description: '', unit: 'gpu', limit: 1 };
const promote = { ...head, kind: 'promote_shadow', policyId: 'p' } as const;

function putPolicy(wanted: ScalePolicy): Command {
  return { ...head, kind: 'put_policy', policy: wanted, expectedVersion: null };
}

function decisions(overrides: Partial<DecisionEntry>): Command {
  return { ...head, kind: 'record_decisions', entries: [entry(), entry(overrides)] };
}

function after(...commands: readonly Command[]): PlaneState {
  return commands.reduce(
    (state, command) => applyCommand(state, TOKEN, command).state,
    INITIAL_STATE,
  );
}

/** The text with other or more fields, as another program could have written it. */
function rewritten(command: Command, fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(commandText(command)) as object), ...fields });
}

describe('formats: the text of commands', () => {
  it('comes back as it was, whatever the command', () => {
    const property = fc.property(anyCommand, (command) => {
      const text = commandText(command);
      assert.deepEqual(parseCommandText(text), JSON.parse(JSON.stringify(command)));
      assert.equal(commandText(parseCommandText(text)), text);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('is for commands of format 1 what it always was: the bare JSON of their fields', () => {
    assert.equal(commandText(numbered(1)), JSON.stringify(numbered(1)));
    const untermed: Command = { ...head, kind: 'record_decisions', entries: [] };
    assert.equal(commandText(untermed), JSON.stringify(untermed));
  });

  it('says its format where that is newer', () => {
    assert.match(commandText(ELECTION), /^\{"format":2,"kind"|^\{"format":2,"key"/);
    assert.equal(formatOf(FENCED), 2);
    assert.match(commandText(FENCED), /^\{"format":2,/);
  });

  it('is refused when a newer program wrote it, and says what to do', () => {
    for (const text of [
      rewritten(ELECTION, { format: FORMAT_MAX + 1 }),
      rewritten(numbered(1), { format: 7, kind: 'unheard_of', more: true }),
    ]) {
      assert.throws(() => parseCommandText(text), NewerFormatError);
      assert.throws(
        () => parseCommandText(text),
        /the command is of format \d, this program reads up to 4: run the version that wrote it/,
      );
    }
    // A member that cannot follow stops at the raise, not at the first command behind it.
    assert.equal(formatOf(raise(FORMAT_MAX + 1)), FORMAT_MAX + 1);
    assert.throws(() => parseCommandText(commandText(raise(FORMAT_MAX + 1))), NewerFormatError);
  });

  for (const [title, text, message] of [
    ['of an unknown kind', rewritten(numbered(1), { kind: 'fly' }), /\.kind: "fly" is not a known/],
    ['with an unknown field', rewritten(numbered(1), { more: 1 }), /\.more: is not a field/],
    ['with a field too few', rewritten(numbered(1), { atMs: undefined }), /\.atMs: nothing/],
    ['newer than the format that it says', rewritten(FENCED, { format: undefined }), /says 1/],
    ['older than the format that it says', rewritten(numbered(1), { format: 2 }), /says 2/],
    [
      'of a format that is none',
      rewritten(ELECTION, { format: 1.5 }),
      /1\.5 is not a whole number/,
    ],
    [
      'of format 1 in words',
      rewritten(numbered(1), { format: 1 }),
      /1 is not a whole number from 2/,
    ],
    ['no object', '[]', /command/],
    ['no JSON', '{', /not JSON/],
  ] as const) {
    it(`is refused when it is ${title}`, () => {
      assert.throws(() => parseCommandText(text), ShapeError);
      assert.throws(() => parseCommandText(text), message);
    });
  }

  it('is of format 3 where a workload lives on a Docker engine, and of format 1 elsewhere', () => {
    assert.equal(formatOf(put(workload('w'))), 1);
    assert.equal(formatOf(put(dockerWorkload('w'))), 3);
    const text = commandText(put(dockerWorkload('w', { memoryBytes: 1_048_576, cpus: 0.5 })));
    assert.match(text, /^\{"format":3,/);
    assert.equal(commandText(parseCommandText(text)), text);
  });

  for (const [title, format, command] of [
    ['a policy as it always was', 1, putPolicy(policy())],
    ['a policy that may want no replica', 4, putPolicy(policy({ replicasMin: 0 }))],
    ['a policy without a metric', 4, putPolicy(policy({ metrics: [] }))],
    ['a metric that is read twice', 4, putPolicy(policy({ metrics: [metric({ agreement })] }))],
    [
      'a metric that says whether replicas make it',
      4,
      putPolicy(policy({ metrics: [metric(), metric({ name: 'b', fromReplicas: false })] })),
    ],
    ['decisions as they always were', 1, decisions({})],
    ['what a policy remembers', 4, decisions({ memory: NO_MEMORY })],
    [
      'what a shadow decided',
      4,
      decisions({ shadow: { version: 1, desired: 2, recommendation: null, direction: 0 } }),
    ],
    [
      'an action as it always was',
      1,
      decisions({ action: { fromReplicas: 1, toReplicas: 2, deadlineMs: 3 } }),
    ],
    [
      'an action that supersedes another',
      4,
      decisions({
        action: { fromReplicas: 1, toReplicas: 2, deadlineMs: 3, supersedes: 'd0' },
      }),
    ],
    ['a shadow', 4, { ...head, kind: 'put_shadow', policy: policy() }],
    ['the end of a shadow', 4, { ...head, kind: 'remove_shadow', policyId: 'p' }],
    ['a shadow in force', 4, { ...promote, shadowVersion: null }],
    ['a pause', 4, { ...head, kind: 'set_pause', workloadId: 'w', pause: null }],
    ['an override', 4, { ...head, kind: 'set_override', workloadId: 'w', override: null }],
    ['a budget', 4, { ...head, kind: 'put_budget', budget, expectedVersion: null }],
    ['no budget', 4, { ...head, kind: 'remove_budget', budgetId: 'b', expectedVersion: 1 }],
  ] as const) {
    it(`is of format ${format} for ${title}`, () => {
      assert.equal(formatOf(command), format);
      const text = commandText(command);
      assert.equal(text.startsWith('{"format":4,'), format === 4);
      assert.equal(commandText(parseCommandText(text)), text);
      if (format !== 4) return;
      // A program of before reads neither the format nor the kind or field.
      assert.throws(() => parseCommandText(text.replace('"format":4,', '')), /and says 1/);
      for (const inForce of [1, 2, 3]) {
        const state = after(raise(inForce));
        const { result, state: same } = applyCommand(state, TOKEN, command);
        assert.equal(result.kind === 'refused' && result.refusal, 'format_not_in_force');
        assert.equal(same, state);
        const first = raiseFor(state, command);
        assert(first !== null && isInForce(after(raise(2), first), command));
      }
    });
  }

  for (const field of POLICY_FIELDS_4) {
    it(`is of format 4 for a policy with ${field}`, () => {
      const withField = newerParts.map((parts) => ({ parts, [field]: parts[field] }));
      const found = fc.sample(withField, { seed: 1, numRuns: 50 });
      const value = found.find((one) => one[field] !== undefined)?.[field];
      const command = putPolicy({ ...policy(), [field]: value });
      assert.equal(formatOf(command), 4);
      assert.equal(commandText(parseCommandText(commandText(command))), commandText(command));
      const broken = commandText(command).replace(`"${field}":`, `"${field}":7,"was":`);
      assert.throws(() => parseCommandText(broken), ShapeError);
    });
  }

  for (const kind of STRATEGY_KINDS) {
    it(`carries strategies of the kind ${kind}, with every field of theirs and no other`, () => {
      const strategies = fc.sample<StrategySpec>(strategiesByKind[kind], { seed: 2, numRuns: 20 });
      const textOf = (strategy: unknown): string =>
        JSON.stringify({
          ...{ format: 4, ...putPolicy(policy()) },
          policy: { ...policy(), strategies: [strategy] },
        });
      for (const strategy of strategies) {
        assert.equal(commandText(parseCommandText(textOf(strategy))), textOf(strategy));
        assert.throws(() => parseCommandText(textOf({ ...strategy, more: 1 })), /\.more: is not/);
        for (const field of Object.keys(strategy)) {
          const less = Object.entries(strategy).filter(([name]) => name !== field);
          assert.throws(() => parseCommandText(textOf(Object.fromEntries(less))), ShapeError);
          assert.throws(() => parseCommandText(textOf({ ...strategy, [field]: {} })), ShapeError);
        }
      }
    });
  }

  it('carries bounded memories', () => {
    const events = (length: number) =>
      commandText(decisions({ memory: { ...NO_MEMORY, events: Array(length).fill(EVENT) } }));
    parseCommandText(events(MEMORY_ITEMS_MAX));
    assert.throws(() => parseCommandText(events(MEMORY_ITEMS_MAX + 1)), /1001 elements are more/);
    const lost = (length: number) => {
      const names = Array.from({ length }, (_, at) => [`m${at}`, AT_MS] as const);
      const lostSinceMs = Object.fromEntries(names);
      return commandText(decisions({ memory: { ...NO_MEMORY, lostSinceMs } }));
    };
    parseCommandText(lost(MEMORY_NAMES_MAX));
    assert.throws(() => parseCommandText(lost(MEMORY_NAMES_MAX + 1)), /65 entries are more/);
  });

  it('carries a bounded number of votes', () => {
    const vote = { phase: 'vote', voterId: 'm2', reason: 'granted', afterMs: 1 } as const;
    const text = (votes: number): string =>
      commandText({
        ...ELECTION,
        election: election('e', { votes: Array(votes).fill(vote) }),
      });
    parseCommandText(text(64));
    assert.throws(() => parseCommandText(text(65)), /votes: 65 elements are more than 64/);
  });
});

describe('formats: the one in force', () => {
  it('is not raised to 4 unasked: members of the program before may still be there', () => {
    assert.equal(FORMAT_UNASKED, 2);
  });

  it('is 1 before any entry, is raised through the log, and never falls', () => {
    assert.equal(INITIAL_STATE.formatVersion, 1);
    assert.equal(after(raise(2)).formatVersion, 2);
    assert.equal(after(raise(2, 'a'), raise(1, 'b')).formatVersion, 2);
    assert.equal(after(raise(1)).formatVersion, 1);
  });

  it('is raised for a command that needs it by one that comes first, and by none where it is in force', () => {
    const command = put(dockerWorkload('w'));
    const first = raiseFor(after(raise(2)), command);
    assert.ok(first !== null);
    const raised = after(raise(2), first);
    assert.equal(raised.formatVersion, 3);
    assert.equal(raiseFor(raised, command), null);
    assert.equal(applyCommand(raised, TOKEN, command).result.kind, 'applied');
    assert.equal(raiseFor(INITIAL_STATE, put(workload('w'))), null);
  });

  it('keeps newer commands out until it is raised; they succeed after that', () => {
    for (const command of [ELECTION, FENCED]) {
      assert.equal(isInForce(INITIAL_STATE, command), false);
      const { state, result } = applyCommand(INITIAL_STATE, TOKEN, command);
      assert.equal(result.kind === 'refused' && result.refusal, 'format_not_in_force');
      assert.equal(state, INITIAL_STATE);
      assert.equal(isInForce(after(raise(2)), command), true);
      assert.equal(applyCommand(after(raise(2)), TOKEN, command).result.kind, 'applied');
    }
  });

  it('keeps everything newer out of the snapshots, so that an older member can take one', () => {
    const fields = (state: PlaneState) => Object.keys(JSON.parse(encodeState(state)) as object);
    const before = after(numbered(1), ELECTION);
    assert.deepEqual(fields(before), [
      'formatVersion',
      'mode',
      'nodes',
      'workloads',
      'policies',
      'brakes',
      'appliedKeys',
    ]);
    assert(fields(after(raise(2), ELECTION)).includes('elections'));
    assert(!fields(after(raise(3))).includes('budgets'));
    assert(fields(after(raise(4))).includes('budgets'));
  });
});
