import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Applied, Command } from '../../../../control-plane/model/command.ts';
import type { FencingToken, InFlightAction } from '../../../../control-plane/model/decision.ts';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { commandText, parseCommandText } from '../../../../control-plane/state/command-text.ts';
import {
  canonicalState,
  decodeState,
  encodeState,
} from '../../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../../control-plane/state/state.ts';
import { AT_MS, entry, workload } from '../../../support/log-commands.ts';
import { anyHistory } from '../../../support/log-random.ts';
import { policy } from '../../../support/scale-input.ts';

/** Places between two commands in which repeats may stand without moving the tokens behind them. */
const GAP = 100;

const manyCommands = anyHistory(46).map((commands) =>
  commands.map((command, at): Command => ({ ...command, key: `k${at}` })),
);

/** After each command: which of those before it come again, and whether a snapshot is taken there. */
const disturbances = fc.array(
  fc.record({ repeats: fc.array(fc.nat({ max: 49 }), { maxLength: 4 }), snapshot: fc.boolean() }),
  { minLength: 50, maxLength: 50 },
);

const terms = fc
  .array(fc.constantFrom(0, 0, 0, 1), { minLength: 50, maxLength: 50 })
  .map((steps) =>
    steps.map((_, at) => 1 + steps.slice(0, at + 1).reduce<number>((a, b) => a + b, 0)),
  );

describe('replication: commands that come again', () => {
  it('change nothing once they were applied, however many leaders and snapshots lie between', () => {
    const property = fc.property(
      manyCommands,
      disturbances,
      terms,
      (commands, disturbed, termAt) => {
        const tokenOf = (at: number, nth = 0): FencingToken => ({
          term: termAt[at] ?? 1,
          index: GAP * (at + 1) + nth,
        });
        let undisturbed = INITIAL_STATE;
        const results = commands.map((command, at) => {
          const { state, result } = applyCommand(undisturbed, tokenOf(at), command);
          undisturbed = state;
          return result;
        });
        let state = INITIAL_STATE;
        commands.forEach((command, at) => {
          const applied = applyCommand(state, tokenOf(at), command);
          assert.deepEqual(applied.result, results[at]);
          state = applied.state;
          const { repeats, snapshot } = disturbed[at] ?? { repeats: [], snapshot: false };
          if (snapshot) state = decodeState(encodeState(state));
          repeats.forEach((which, nth) => {
            const [again, first] = [commands[which % (at + 1)], results[which % (at + 1)]];
            // A refusal changed nothing; what its retry may do is the next test's affair.
            if (again === undefined || first?.kind !== 'applied') return;
            const repeated = applyCommand(state, tokenOf(at, nth + 1), again);
            assert.deepEqual(repeated.result, { ...first, repeated: true });
            assert.equal(repeated.state, state);
          });
        });
        assert.equal(canonicalState(state), canonicalState(undisturbed));
        assert.equal(encodeState(state), encodeState(undisturbed));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it('are applied once at most, those refused at first included', () => {
    const property = fc.property(manyCommands, disturbances, (commands, disturbed) => {
      let state = INITIAL_STATE;
      let index = 0;
      const times = new Map<string, number>();
      const apply = (command: Command): void => {
        index += 1;
        const applied = applyCommand(state, { term: 1, index }, command);
        state = applied.state;
        if (applied.result.kind === 'refused' || applied.result.repeated) return;
        times.set(command.key, (times.get(command.key) ?? 0) + 1);
      };
      commands.forEach((command, at) => {
        apply(command);
        for (const which of disturbed[at]?.repeats ?? []) {
          const again = commands[which % (at + 1)];
          if (again !== undefined) apply(again);
        }
      });
      assert([...times.values()].every((count) => count === 1));
    });
    fc.assert(property, { numRuns: 200 });
  });
});

/**
 * A cluster as its state machine sees it: leaders that decide on the state that they know, and whose
 * proposals are committed at once, committed late and under whoever leads then, or lost.
 */
class Cluster {
  state: PlaneState = INITIAL_STATE;
  term = 1;
  #index = 0;
  #atMs = AT_MS;
  /** Proposed, and neither known to be committed nor to be lost. */
  readonly #stray: Command[] = [];
  /** What a former leader still believes. */
  #remembered: { readonly state: PlaneState; readonly term: number };
  readonly #started = new Map<string, FencingToken>();
  readonly #ended = new Set<string>();
  /** The one scaling target: fenced, like every target. */
  #told: { readonly replicas: number; readonly token: FencingToken } | null = null;
  readonly #actions: string[] = [];

  constructor() {
    const head = { atMs: AT_MS, expectedVersion: null };
    this.commit({
      ...head,
      kind: 'put_workload',
      key: 'w',
      workload: workload('w'),
      source: 'file',
    });
    this.commit({ ...head, kind: 'put_policy', key: 'p', policy: policy() });
    this.commit({ kind: 'raise_format', key: 'raise', atMs: AT_MS, formatVersion: 2 });
    this.#remembered = { state: this.state, term: 1 };
  }

  commit(command: Command): Applied {
    this.#index += 1;
    const token = { term: this.term, index: this.#index };
    const before = this.#workload();
    const logged = parseCommandText(commandText(command));
    const { state, result } = applyCommand(this.state, token, logged);
    this.state = state;
    this.#check(before, token, command);
    return result;
  }

  /** Decides on what is known now, or, as a leader that was deposed and does not know it, on what was. */
  tick(replicas: number, asFormer: boolean): Command {
    const { state, term } = asFormer ? this.#remembered : this;
    this.#atMs += 1;
    const known = state.workloads['w'];
    const mayAct = known !== undefined && known.inFlight === null && known.desired !== replicas;
    const action = mayAct
      ? { fromReplicas: known.desired, toReplicas: replicas, deadlineMs: this.#atMs + 100 }
      : null;
    const decisionId = `${this.#atMs}-w`;
    const entries = [entry({ decisionId, recommendation: replicas, action })];
    const key = `tick/${this.#atMs}/${term}`;
    return { kind: 'record_decisions', key, atMs: this.#atMs, entries, decidedInTerm: term };
  }

  finish(outcome: 'verified' | 'failed', readyReplicas: number, asFormer: boolean): Command | null {
    const { state } = asFormer ? this.#remembered : this;
    const decisionId = state.workloads['w']?.inFlight?.decisionId;
    if (decisionId === undefined) return null;
    const about = { workloadId: 'w', decisionId, outcome, readyReplicas };
    return { kind: 'finish_action', key: `finish/${decisionId}`, atMs: this.#atMs, ...about };
  }

  propose(command: Command | null, fate: 'committed' | 'unknown' | 'answer lost'): void {
    if (command === null) return;
    if (fate !== 'unknown') this.commit(command);
    if (fate !== 'committed') this.#stray.push(command);
  }

  /** What was under way comes through after all, or is retried by somebody. */
  deliver(which: number): void {
    const command = this.#stray[which % Math.max(1, this.#stray.length)];
    if (command !== undefined) this.commit(command);
  }

  /** The new leader starts from a snapshot, like a member that was away. */
  changeLeader(): void {
    this.#remembered = { state: this.state, term: this.term };
    this.term += 1;
    this.#index += 1;
    this.state = decodeState(encodeState(this.state));
  }

  /** The last stage of a tick. */
  act(): void {
    const { desired, desiredToken, inFlight } = this.#workload();
    const told = this.#told;
    if (told !== null && !isNewer(desiredToken, told.token)) {
      assert.deepEqual(
        told,
        { replicas: desired, token: desiredToken },
        'the target is left behind',
      );
      return;
    }
    this.#told = { replicas: desired, token: desiredToken };
    if (inFlight !== null) this.#actions.push(inFlight.decisionId);
  }

  /** Whoever leads now brings what is under way to its end, and the target to what is desired. */
  settle(): void {
    this.changeLeader();
    this.act();
    const { inFlight } = this.#workload();
    if (inFlight !== null) {
      const done = this.commit(
        this.finish('verified', inFlight.toReplicas, false) ?? assert.fail('nothing to finish'),
      );
      assert.equal(done.kind, 'applied');
    }
    assert.equal(this.#workload().inFlight, null);
    assert.equal(this.#told?.replicas, this.#workload().desired);
    assert.equal(new Set(this.#actions).size, this.#actions.length, 'an action was done twice');
  }

  #workload() {
    const found = this.state.workloads['w'];
    assert(found !== undefined || this.#index <= 1);
    return found ?? EMPTY;
  }

  #check(before: typeof EMPTY, token: FencingToken, command: Command): void {
    const now = this.#workload();
    if (now.desired !== before.desired && before !== EMPTY) {
      assert(isNewer(now.desiredToken, before.desiredToken), 'another number under an old token');
    }
    if (now.inFlight?.decisionId === before.inFlight?.decisionId) return;
    if (before.inFlight !== null) {
      assert(!this.#ended.has(before.inFlight.decisionId), 'an action ended twice');
      this.#ended.add(before.inFlight.decisionId);
    }
    if (now.inFlight === null) return;
    const { decisionId } = now.inFlight;
    assert(!this.#started.has(decisionId), 'an action was started twice');
    this.#started.set(decisionId, token);
    assert.deepEqual(now.inFlight.token, token);
    assert(command.kind === 'record_decisions' && command.decidedInTerm === token.term);
    assert.equal(now.inFlight.fromReplicas, before.desired, 'decided on another number');
  }
}

const EMPTY: {
  readonly desired: number;
  readonly desiredToken: FencingToken;
  readonly inFlight: InFlightAction | null;
} = { desired: 0, desiredToken: { term: 0, index: 0 }, inFlight: null };

/** By term, then by index: an index alone says nothing across leaders. */
function isNewer(a: FencingToken, b: FencingToken): boolean {
  return a.term === b.term ? a.index > b.index : a.term > b.term;
}

const fate = fc.constantFrom('committed' as const, 'unknown' as const, 'answer lost' as const);
const replicas = fc.integer({ min: 1, max: 6 });
const clusterStep = fc.oneof(
  fc.record({ do: fc.constant('tick' as const), replicas, asFormer: fc.boolean(), fate }),
  fc.record({
    do: fc.constant('finish' as const),
    outcome: fc.constantFrom('verified' as const, 'failed' as const),
    replicas,
    asFormer: fc.boolean(),
    fate,
  }),
  fc.record({ do: fc.constant('deliver' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('act' as const) }),
  fc.record({ do: fc.constant('change leader' as const) }),
);

describe('replication: actions over changes of the leader', () => {
  it('start once, under the term that decided them, end once, and are told to the target once', () => {
    const property = fc.property(fc.array(clusterStep, { maxLength: 80 }), (steps) => {
      const cluster = new Cluster();
      for (const step of steps) {
        if (step.do === 'tick') {
          cluster.propose(cluster.tick(step.replicas, step.asFormer), step.fate);
        } else if (step.do === 'finish') {
          const command = cluster.finish(step.outcome, step.replicas, step.asFormer);
          cluster.propose(command, step.fate);
        } else if (step.do === 'deliver') cluster.deliver(step.which);
        else if (step.do === 'act') cluster.act();
        else cluster.changeLeader();
      }
      cluster.settle();
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('that were committed and not begun are found by the next leader under the same token', () => {
    const cluster = new Cluster();
    cluster.propose(cluster.tick(5, false), 'committed');
    const { desiredToken, inFlight } = cluster.state.workloads['w'] ?? EMPTY;
    cluster.changeLeader();
    const found = cluster.state.workloads['w'] ?? EMPTY;
    assert(inFlight !== null);
    assert.deepEqual(found.inFlight, inFlight);
    assert.deepEqual(found.desiredToken, desiredToken);
    assert.equal(found.desired, 5);
    cluster.settle();
  });

  it('are not started by a decision of a leader that was deposed meanwhile', () => {
    const cluster = new Cluster();
    const late = cluster.tick(5, false);
    cluster.changeLeader();
    const result = cluster.commit(late);
    assert.equal(result.kind === 'refused' && result.refusal, 'stale_term');
    assert.equal(cluster.state.workloads['w']?.inFlight, null);
  });
});
