/**
 * The reconcile loop of scaling: observe → verify → decide → commit → record → act, once per tick,
 * each a child span of the tick's trace. It owns order and failure; what to do is decided by the
 * pure decider, and nothing acts before its command is committed and its record is on disk. Whoever
 * is asked, a stage ends by its deadline. A member that does not lead looks at nothing and acts on
 * nothing, and a tick belongs to the term that it began in: what it decided is not committed in
 * another one, and it does not act once its lease is over.
 */

import type { ActionOutcome, Command, Committed } from '../model/command.ts';
import type { DecisionRecord, InFlightAction } from '../model/decision.ts';
import type { Calendar } from '../ports/calendar.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { DecisionStore } from '../ports/decision-store.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import { inSpan } from '../telemetry/span.ts';
import type { OpenSpan } from '../telemetry/span.ts';
import { tellTargets } from './act-stage.ts';
import type { ActPlace } from './act-stage.ts';
import { ActionAges } from './action-ages.ts';
import { within } from './deadline.ts';
import type { Beside } from './decision-input.ts';
import { feedForecasts } from './forecasts.ts';
import type { Forecasts } from './forecasts.ts';
import type { LoopLogger } from './logger.ts';
import type { ReplicaWatch } from './replica-watch.ts';
import { reportedRun } from './reported-run.ts';
import { look } from './sight.ts';
import type { ScaleTargets, Sight } from './sight.ts';
import type { ScaleTelemetry } from './scale-telemetry.ts';
import {
  actionEvent,
  actionFields,
  decisionAttributes,
  sightAttributes,
} from './tick-attributes.ts';
import { decideInTurns, entryOf } from './tick-decisions.ts';
import { TickTimes, tickKey } from './tick-times.ts';
import { verifyAction } from './verification.ts';

export interface ScaleLoopOptions {
  readonly consensus: Consensus;
  readonly source: MetricsSource;
  readonly targets: ScaleTargets;
  readonly decisions: DecisionStore;
  readonly replicas: ReplicaWatch;
  readonly clock: Clock;
  readonly telemetry: ScaleTelemetry;
  readonly logger: LoopLogger;
  readonly calendar: Calendar;
  readonly forecasts: Forecasts;
  /** Deadline of one look at the world, in ms. */
  readonly observeTimeoutMs: number;
  /** Deadline of each commit, and of writing the records down, in ms. */
  readonly commitTimeoutMs: number;
  /** Deadline of telling the scaling targets, in ms. */
  readonly actTimeoutMs: number;
  /** Told of each tick as leader; monotonic ms. */
  readonly onLed?: (term: number, startedMs: number, endedMs: number) => void;
}

interface TickPlace {
  readonly atMs: number;
  readonly term: number;
}

export class ScaleLoop {
  readonly #options: ScaleLoopOptions;
  readonly #times = new TickTimes();
  readonly #ages = new ActionAges();
  readonly #beside: Beside;
  readonly #lastDecisions = new Map<string, DecisionRecord>();
  #lastEndedMs: number | null = null;

  constructor(options: ScaleLoopOptions) {
    this.#options = options;
    const { calendar, forecasts } = options;
    this.#beside = { calendar, forecastOf: (...asked) => forecasts.forecastOf(...asked) };
  }

  /** The last decision for a workload on this member since its start; null once it was removed. */
  lastDecision(workloadId: string): DecisionRecord | null {
    if (this.#options.consensus.readState().workloads[workloadId] === undefined) return null;
    return this.#lastDecisions.get(workloadId) ?? null;
  }

  /** Monotonic ms at which the last tick ended without failing; null before the first. */
  get lastEndedMs(): number | null {
    return this.#lastEndedMs;
  }

  /** One tick. Rejects when nothing could be committed or recorded; then nothing acted either. */
  async tick(signal: AbortSignal): Promise<void> {
    const { clock, consensus, telemetry } = this.#options;
    const report = { ...this.#options, loop: 'scale', series: telemetry.series };
    const term = consensus.leaseTerm();
    const startedMs = clock.monotonicMs();
    if (term !== null) {
      const atMs = this.#times.next(clock.nowMs(), consensus.readState().appliedKeys);
      await inSpan(
        'scale tick',
        { 'omnimind.tick.at_ms': atMs, 'omnimind.raft.term': term },
        (span) => reportedRun(report, signal, () => this.#run({ atMs, term }, span, signal)),
        { root: true },
      );
    } else {
      await reportedRun(report, signal, () => telemetry.rests());
    }
    this.#lastEndedMs = clock.monotonicMs();
    if (term !== null) this.#options.onLed?.(term, startedMs, this.#lastEndedMs);
  }

  async #run(at: TickPlace, tick: OpenSpan, signal: AbortSignal): Promise<void> {
    const { consensus } = this.#options;
    const { atMs, term } = at;
    const sight = await this.#stage('observe', (span) => this.#observe(atMs, span, signal));
    tick.setAttributes(sightAttributes(sight));
    await this.#stage('verify', (span) => this.#verify(sight, span, signal));
    const state = consensus.readState();
    const decided = await this.#stage('decide', async (span) => {
      const records = await decideInTurns(state, sight, tick.traceId, this.#beside);
      for (const one of [tick, span]) one.setAttributes(decisionAttributes(records));
      return records;
    });
    const recorded = await this.#stage('commit', () => this.#commit(decided, at, signal));
    if (recorded === null) return;
    const { telemetry, forecasts } = this.#options;
    // Also without a decision: a pause or a budget needs no policy, and what one showed must go with it.
    telemetry.besides(consensus.readState(), recorded, atMs, forecasts);
    await this.#stage('act', (span) => this.#act(recorded, { term, span, signal }));
  }

  async #stage<T>(
    name: Parameters<ScaleTelemetry['stage']>[0],
    work: (span: OpenSpan) => Promise<T> | T,
  ): Promise<T> {
    return inSpan(name, {}, (span) => this.#options.telemetry.stage(name, () => work(span)));
  }

  async #observe(atMs: number, span: OpenSpan, signal: AbortSignal): Promise<Sight> {
    const { consensus, replicas, observeTimeoutMs, clock, telemetry } = this.#options;
    const lookedAtMs = clock.monotonicMs();
    const state = consensus.readState();
    const options = { ...this.#options, timeoutMs: observeTimeoutMs, signal };
    const sight = await look(state, atMs, options);
    span.setAttributes(sightAttributes(sight));
    replicas.saw(sight.replicas, lookedAtMs);
    feedForecasts(this.#options.forecasts, sight);
    telemetry.stands(state);
    telemetry.seen(state, sight);
    for (const workloadId of this.#lastDecisions.keys()) {
      if (state.workloads[workloadId] === undefined) this.#lastDecisions.delete(workloadId);
    }
    return sight;
  }

  /** Ends the actions that have come true or failed, side by side. */
  async #verify(sight: Sight, span: OpenSpan, signal: AbortSignal): Promise<void> {
    const { consensus, clock } = this.#options;
    const inFlight = Object.values(consensus.readState().workloads).flatMap((entry) =>
      entry.inFlight === null ? [] : [entry.inFlight],
    );
    span.setAttributes({ 'omnimind.actions.in_flight': inFlight.length });
    this.#ages.retain(new Set(inFlight.map(({ decisionId }) => decisionId)));
    await Promise.all(
      inFlight.map(async (action) => {
        const nowMs = this.#ages.nowFor(action, sight.atMs, clock.monotonicMs());
        const verdict = verifyAction(action, sight.replicas.get(action.workloadId), nowMs);
        if (verdict.kind === 'waiting') return;
        await this.#finish(action, verdict, sight.atMs, { span, signal });
      }),
    );
    signal.throwIfAborted();
  }

  /** An action that cannot be ended now stays in flight, and the next tick tries again. */
  async #finish(
    action: InFlightAction,
    { outcome, readyReplicas }: { readonly outcome: ActionOutcome; readonly readyReplicas: number },
    atMs: number,
    { span, signal }: { readonly span: OpenSpan; readonly signal: AbortSignal },
  ): Promise<void> {
    const { telemetry, logger } = this.#options;
    const { workloadId, decisionId } = action;
    const fields = { workload: workloadId, decision: decisionId, outcome, ready: readyReplicas };
    const key = `finish/${decisionId}`;
    const about = { workloadId, decisionId, outcome, readyReplicas };
    try {
      const { result } = await this.#proposeInTime(
        { kind: 'finish_action', key, atMs, ...about },
        signal,
      );
      // Another leader has ended it meanwhile, and has told how.
      if (result.kind === 'applied' && result.repeated) return;
      if (result.kind === 'refused') {
        // Its workload was removed, or put back anew, since the look: nothing is left to end.
        logger.info({ ...fields, refusal: result.refusal }, 'the action was gone before its end');
        return;
      }
    } catch (err) {
      span.fail(err);
      if (!signal.aborted) logger.warn({ ...fields, err }, 'could not end an action');
      return;
    }
    telemetry.finished(action, outcome, atMs);
    span.event('action ended', fields);
    if (outcome === 'failed') logger.warn(fields, 'action failed');
    else logger.info(fields, 'action verified');
  }

  /**
   * Records, then commits what the brakes must remember and what may act, then notes on the record of
   * each act that it was committed. A record without a token is of an act that may never have come.
   * Null when the tick is lost: leadership changed under it, and another leader decides anew.
   */
  async #commit(
    decided: readonly DecisionRecord[],
    at: TickPlace,
    signal: AbortSignal,
  ): Promise<readonly DecisionRecord[] | null> {
    if (decided.length === 0) return [];
    await this.#record(decided);
    const { token, result } = await this.#propose(decided, at, signal);
    if (result.kind === 'refused' && result.refusal === 'stale_term') {
      this.#options.logger.info({ ...at, detail: result.detail }, 'a tick was lost to an election');
      return null;
    }
    if (result.kind === 'refused') throw new Error(`the decisions were refused: ${result.detail}`);
    const committed = decided.map((record) => (isAct(record) ? { ...record, token } : record));
    await this.#record(committed.filter(isAct));
    for (const record of committed) this.#lastDecisions.set(record.workloadId, record);
    await this.#options.telemetry.decided(committed);
    return committed;
  }

  /**
   * A disk that takes no records, or hangs, must not stop the scaling: the loss is counted, and shouted
   * about. Also done while the member stops: what was committed is noted.
   */
  async #record(records: readonly DecisionRecord[]): Promise<void> {
    if (records.length === 0) return;
    const { decisions, commitTimeoutMs } = this.#options;
    const never = new AbortController().signal;
    try {
      await within(commitTimeoutMs, never, () => decisions.append(records));
    } catch (err) {
      this.#options.logger.error({ err, records: records.length }, 'decisions were not recorded');
    }
  }

  async #propose(
    decided: readonly DecisionRecord[],
    { atMs, term }: TickPlace,
    signal: AbortSignal,
  ): Promise<Committed> {
    const command: Command = {
      kind: 'record_decisions',
      key: tickKey(atMs, term),
      atMs,
      entries: decided.map(entryOf),
      ...(this.#options.consensus.readState().formatVersion >= 2 && { decidedInTerm: term }),
    };
    return this.#proposeInTime(command, signal);
  }

  /** Rejects in time; the command may be committed all the same, and the next state says so. */
  async #proposeInTime(command: Command, signal: AbortSignal): Promise<Committed> {
    const { consensus, commitTimeoutMs } = this.#options;
    return within(commitTimeoutMs, signal, (deadline) => consensus.propose(command, deadline));
  }

  /** What was decided here and told is shown; that the targets are told is the state's doing. */
  async #act(records: readonly DecisionRecord[], { term, span, signal }: ActPlace): Promise<void> {
    const { consensus, telemetry, logger, clock } = this.#options;
    telemetry.stands(consensus.readState());
    const told = await tellTargets(this.#options, { term, span, signal });
    const acted = records.filter((record) => isAct(record) && told.has(record.workloadId));
    span.setAttributes({ 'omnimind.workloads.told': told.size });
    telemetry.acted(acted, clock.nowMs());
    for (const record of acted) {
      logger.info(actionFields(record), 'scaling');
      actionEvent(span, record);
    }
  }
}

function isAct(record: DecisionRecord): boolean {
  return record.outcome.verdict.kind === 'act';
}
