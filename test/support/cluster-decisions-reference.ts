/**
 * The plane that is never killed: one state machine and one decider in memory, in one term, that is
 * shown what the leaders of a real cluster saw, tick by tick, and decides for itself. Brakes, wanted
 * numbers and actions under way are its own; where a leader decided otherwise, the difference is named.
 */

import { isDeepStrictEqual } from 'node:util';
import { decideAll, entryOf } from '../../control-plane/loops/tick-decisions.ts';
import type { Sight } from '../../control-plane/loops/sight.ts';
import type { Applied, Command } from '../../control-plane/model/command.ts';
import { NO_BRAKES } from '../../control-plane/model/decision.ts';
import type { DecisionRecord, FencingToken } from '../../control-plane/model/decision.ts';
import type { Replica } from '../../control-plane/model/workload.ts';
import { decideScale } from '../../control-plane/deciders/scale.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState } from '../../control-plane/state/state.ts';
import type { CommittedCommand } from './cluster-decisions-log.ts';

/** What a cluster has committed, and the records of its decisions by their ids. */
export interface DecidedRun {
  readonly commands: readonly CommittedCommand[];
  readonly records: ReadonlyMap<string, DecisionRecord>;
}

export interface Comparison {
  /** Empty when the run decided as the plane that is never killed. */
  readonly differences: readonly string[];
  /** Ticks that took effect, in order. */
  readonly ticks: readonly CommittedTick[];
  /** Ticks that came into the log in a later term, and were refused. */
  readonly refusedTicks: number;
  /** Committed acts whose record does not say so: the leader was killed before the note. */
  readonly actsWithoutNote: number;
}

export interface CommittedTick {
  readonly token: FencingToken;
  readonly command: TickCommand;
  readonly decisionIds: readonly string[];
  readonly acts: boolean;
  /** Whether its brakes remembered anything. */
  readonly remembers: boolean;
  /** Whether an empty memory of the brakes would have given another outcome. */
  readonly braked: boolean;
}

export type TickCommand = Extract<Command, { kind: 'record_decisions' }>;

const TERM = 1;
const INPUTS = [
  ...(['nowMs', 'policy', 'mode', 'desired', 'actual'] as const),
  ...(['observations', 'brakes', 'inFlight'] as const),
];
const OUTCOMES = ['verdict', 'proposals', 'stages', 'recommendation'] as const;

export function compareWithReference(run: DecidedRun): Comparison {
  return new Reference(run).compare();
}

class Reference {
  readonly #run: DecidedRun;
  readonly #differences: string[] = [];
  readonly #ticks: CommittedTick[] = [];
  /** The place in the cluster's log of each action, which a plane of one term cannot know. */
  readonly #places = new Map<string, FencingToken>();
  readonly #decided = new Set<string>();
  #cluster: PlaneState = INITIAL_STATE;
  #alone: PlaneState = INITIAL_STATE;
  #index = 0;
  #raisedAtMs: number | null = null;
  #refusedTicks = 0;
  #actsWithoutNote = 0;

  constructor(run: DecidedRun) {
    this.#run = run;
  }

  compare(): Comparison {
    for (const { token, command } of this.#run.commands) {
      const { state, result } = applyCommand(this.#cluster, token, command);
      this.#cluster = state;
      if (command.kind === 'raise_format') this.#raisedAtMs ??= command.atMs;
      if (command.kind === 'record_decisions') {
        if (result.kind === 'applied' && !result.repeated) this.#tick(token, command);
        else this.#refusedTicks += 1;
      } else this.#event(token, command, result);
    }
    for (const part of ['brakes', 'mode', 'policies'] as const) {
      if (!isDeepStrictEqual(this.#alone[part], this.#cluster[part])) {
        this.#differ('the end', part, this.#cluster[part], this.#alone[part]);
      }
    }
    const wanted = (state: PlaneState) =>
      Object.values(state.workloads).map(({ workload, desired, inFlight }) => [
        workload.id,
        desired,
        inFlight?.decisionId,
      ]);
    if (!isDeepStrictEqual(wanted(this.#alone), wanted(this.#cluster))) {
      this.#differ('the end', 'workloads', wanted(this.#cluster), wanted(this.#alone));
    }
    return {
      differences: this.#differences,
      ticks: this.#ticks,
      refusedTicks: this.#refusedTicks,
      actsWithoutNote: this.#actsWithoutNote,
    };
  }

  /** What came from outside: documents, operators, and replicas that have come or not. */
  #event(token: FencingToken, command: Command, result: Applied): void {
    const alone = this.#apply(command);
    const of = (one: Applied) => (one.kind === 'applied' ? one.version : one.refusal);
    if (of(alone) === of(result)) return;
    this.#differ(`${command.kind} at ${token.index}`, 'result', result, alone);
  }

  #tick(token: FencingToken, command: TickCommand): void {
    const where = `tick ${command.atMs} (term ${token.term}, index ${token.index})`;
    // A tick that began before the format was raised cannot say its term.
    const saysTerm =
      command.decidedInTerm !== undefined || command.atMs > (this.#raisedAtMs ?? Infinity);
    if (saysTerm && command.decidedInTerm !== token.term) {
      this.#differ(where, 'term', command.decidedInTerm ?? null, token.term);
    }
    const seen = this.#seen(where, command);
    const sight = sightOf(this.#alone, command.atMs, seen);
    const expected = decideAll(this.#alone, sight, seen[0]?.traceId ?? '');
    for (const { decisionId, outcome } of expected) {
      if (outcome.verdict.kind === 'act') this.#places.set(decisionId, token);
    }
    for (const record of expected) this.#compareRecord(where, record);
    const entries = expected.map(entryOf);
    if (!isDeepStrictEqual(entries, command.entries)) {
      this.#differ(where, 'entries', command.entries, entries);
    }
    const ownTerm = this.#alone.formatVersion >= 2 ? { decidedInTerm: TERM } : {};
    const { kind, key, atMs } = command;
    const result = this.#apply({ kind, key, atMs, entries, ...ownTerm });
    if (result.kind === 'refused' || result.repeated)
      this.#differ(where, 'result', 'applied', result);
    this.#ticks.push({
      token,
      command,
      decisionIds: entries.map(({ decisionId }) => decisionId),
      acts: entries.some(({ action }) => action !== null),
      remembers: expected.some(({ input }) => input.brakes.recommendations.length > 0),
      braked: expected.some(
        ({ input, outcome }) =>
          !isDeepStrictEqual(decideScale({ ...input, brakes: NO_BRAKES }).verdict, outcome.verdict),
      ),
    });
  }

  /** The records of a tick; each decision is made once. */
  #seen(where: string, command: TickCommand): readonly DecisionRecord[] {
    return command.entries.flatMap(({ decisionId }) => {
      if (this.#decided.has(decisionId)) this.#differ(where, 'times decided', 2, 1);
      this.#decided.add(decisionId);
      const record = this.#run.records.get(decisionId);
      if (record === undefined) this.#differ(where, `record ${decisionId}`, 'none', 'one');
      return record === undefined ? [] : [record];
    });
  }

  #compareRecord(where: string, mine: DecisionRecord): void {
    const found = this.#run.records.get(mine.decisionId);
    if (found === undefined) return;
    const { inFlight } = mine.input;
    const place =
      inFlight === null ? null : (this.#places.get(inFlight.decisionId) ?? inFlight.token);
    const expected: DecisionRecord = {
      ...mine,
      input: {
        ...mine.input,
        inFlight: inFlight === null || place === null ? null : { ...inFlight, token: place },
      },
      token:
        mine.outcome.verdict.kind === 'act' ? (this.#places.get(mine.decisionId) ?? null) : null,
    };
    for (const key of ['policyVersion', 'atMs', 'workloadId', 'policyId'] as const) {
      this.#compareValues(where, key, found[key], expected[key]);
    }
    for (const key of INPUTS) {
      this.#compareValues(where, `input.${key}`, found.input[key], expected.input[key]);
    }
    for (const key of OUTCOMES) {
      this.#compareValues(where, `outcome.${key}`, found.outcome[key], expected.outcome[key]);
    }
    if (found.token === null && expected.token !== null) this.#actsWithoutNote += 1;
    else this.#compareValues(where, 'token', found.token, expected.token);
  }

  #compareValues(where: string, what: string, found: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(found, asJson(expected))) this.#differ(where, what, found, expected);
  }

  #apply(command: Command): Applied {
    this.#index += 1;
    const token = { term: TERM, index: this.#index };
    const { state, result } = applyCommand(this.#alone, token, command);
    this.#alone = state;
    return result;
  }

  #differ(where: string, what: string, found: unknown, expected: unknown): void {
    const text = `${where}: ${what} is ${JSON.stringify(found)}, never killed ${JSON.stringify(expected)}`;
    this.#differences.push(text);
  }
}

/** What the leader looked at, without what it remembered. */
function sightOf(state: PlaneState, atMs: number, records: readonly DecisionRecord[]): Sight {
  const signals = records.flatMap(({ policyId, input }) => {
    const stored = state.policies[policyId];
    return stored === undefined
      ? []
      : [
          [
            policyId,
            { stored, observations: input.observations, readings: [], shadow: null },
          ] as const,
        ];
  });
  const replicas = records.map(({ workloadId, input: { actual } }) => {
    const seen =
      actual.kind === 'unknown'
        ? ({ kind: 'unseen', detail: actual.detail } as const)
        : ({
            kind: 'seen',
            replicas: [
              ...replicasOf(workloadId, 'ready', actual.ready),
              ...replicasOf(workloadId, 'starting', actual.starting),
            ],
          } as const);
    return [workloadId, seen] as const;
  });
  return { atMs, queries: 0, signals: new Map(signals), replicas: new Map(replicas) };
}

function replicasOf(
  workloadId: string,
  phase: Replica['phase'],
  count: number,
): readonly Replica[] {
  return Array.from({ length: count }, (_, nth) => ({
    replicaId: `${workloadId}-${phase}-${nth}`,
    workloadId,
    address: '127.0.0.1:1',
    metricsPath: '/metrics',
    phase,
    startedAtMs: 0,
  }));
}

/** As it comes back from the database. */
function asJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** The run as it would be had the leader of this tick forgotten its brakes. */
export function withBrakesForgotten(run: DecidedRun, tick: CommittedTick): DecidedRun {
  const records = new Map(run.records);
  for (const decisionId of tick.decisionIds) {
    const record = run.records.get(decisionId);
    if (record === undefined) continue;
    const input = { ...record.input, brakes: NO_BRAKES };
    records.set(decisionId, { ...record, input, outcome: decideScale(input) });
  }
  const commands = run.commands.map((one) => {
    if (one.token.index !== tick.token.index || one.command.kind !== 'record_decisions') return one;
    const entries = one.command.entries.map((entry) => {
      const record = records.get(entry.decisionId);
      return record === undefined ? entry : entryOf(record);
    });
    return { ...one, command: { ...one.command, entries } };
  });
  return { commands, records };
}

/** The run as it would be had a later leader done this tick once more. */
export function withTickRepeated(run: DecidedRun, tick: CommittedTick): DecidedRun {
  const commands = run.commands.flatMap((one) => {
    if (one.token.index !== tick.token.index) return [one];
    return [one, { ...one, command: { ...one.command, key: `${one.command.key}/again` } }];
  });
  return { ...run, commands };
}
