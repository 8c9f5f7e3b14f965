/**
 * One model at one horizon: what it forecast and what came true. A forecast waits here until its
 * time; then its quantiles are scored beside those of persistence for the same moment, and the miss
 * moves the quantiles of the forecasts to come. The standing follows the score by itself: promoted
 * when the model has beaten persistence by a margin over enough samples, demoted as soon as it no
 * longer beats it. A forecast whose sample never came is dropped unscored.
 */

import { gainAfter } from './load-model.ts';
import { MissQuantiles, pinballLoss } from './quantiles.ts';

export interface ChannelOptions {
  /** Rising, within 0 to 1, both excluded; 1 to 9 of them. */
  readonly levels: readonly number[];
  readonly quantileGain: number;
  /** Memory of the scores in ms. */
  readonly scoreMs: number;
  /** Forecasts that must have come true before a model may be promoted. */
  readonly scoredMin: number;
  /** Skill from which a model is promoted; below 0 it is demoted. */
  readonly promoteSkillRatio: number;
  /** Forecasts that wait for their time; beyond it the oldest is dropped. */
  readonly waitingMax: number;
}

export interface ForecastScore {
  /** Forecasts that came true and were compared. */
  readonly scored: number;
  /** Mean pinball loss over the levels, in the unit of the load; recent ones count more. */
  readonly loss: number;
  readonly persistenceLoss: number;
  /** 1 − loss ÷ loss of persistence: 1 is perfect, 0 no better, negative worse. */
  readonly skillRatio: number;
  /** For each level, the share of samples at or below its quantile; equal to the level when calibrated. */
  readonly coverage: readonly number[];
}

interface Waiting {
  readonly dueMs: number;
  readonly point: number;
  readonly quantiles: readonly number[];
}

/** How well the forecast for a moment did: its losses and where the sample fell. */
export interface Outcome {
  readonly loss: number;
  readonly covered: readonly boolean[];
}

export class Channel {
  readonly #options: ChannelOptions;
  readonly #misses: MissQuantiles;
  readonly #coverage: Float64Array;
  /** Oldest first; those before `#settled` are done with and dropped together, now and then. */
  #waiting: Waiting[] = [];
  #settled = 0;
  #loss = 0;
  #persistenceLoss = 0;
  #scored = 0;
  #lastScoredMs: number | null = null;
  #promoted = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#misses = new MissQuantiles(options.levels, options.quantileGain);
    this.#coverage = new Float64Array(options.levels.length);
  }

  get promoted(): boolean {
    return this.#promoted;
  }

  /** The quantiles round this point, one per level, never falling and not negative. */
  quantiles(point: number, typical: number): readonly number[] {
    return this.#misses.around(point, scaleOf(point, typical));
  }

  /** Remembers a forecast until its time. */
  expect(dueMs: number, point: number, typical: number): void {
    this.#waiting.push({ dueMs, point, quantiles: this.quantiles(point, typical) });
    if (this.#waiting.length - this.#settled > this.#options.waitingMax) this.#settled += 1;
    this.#dropSettled();
  }

  /**
   * A sample came. Answers with how the forecast for its time did, null when there is none within
   * `slackMs`.
   */
  settle(atMs: number, load: number, typical: number, slackMs: number): Outcome | null {
    let outcome: Outcome | null = null;
    for (; this.#settled < this.#waiting.length; this.#settled += 1) {
      const next = this.#waiting[this.#settled];
      if (next === undefined || next.dueMs > atMs + slackMs) break;
      if (next.dueMs < atMs - slackMs) continue;
      outcome = this.#outcomeOf(next.quantiles, load);
      this.#misses.observe((load - next.point) / scaleOf(next.point, typical));
    }
    return outcome;
  }

  /** Takes a forecast that came true, and that of persistence for the same moment, into the score. */
  score(atMs: number, outcome: Outcome, persistence: Outcome): void {
    const pauseMs = this.#lastScoredMs === null ? Infinity : atMs - this.#lastScoredMs;
    this.#lastScoredMs = atMs;
    this.#scored += 1;
    // A mean while young, a memory later.
    const gain = Math.max(gainAfter(pauseMs, this.#options.scoreMs), 1 / this.#scored);
    this.#loss += gain * (outcome.loss - this.#loss);
    this.#persistenceLoss += gain * (persistence.loss - this.#persistenceLoss);
    for (let index = 0; index < this.#coverage.length; index += 1) {
      const share = this.#coverage[index] ?? 0;
      this.#coverage[index] = share + gain * ((outcome.covered[index] === true ? 1 : 0) - share);
    }
    this.#judge();
  }

  read(): ForecastScore {
    return {
      scored: this.#scored,
      loss: this.#loss,
      persistenceLoss: this.#persistenceLoss,
      skillRatio: this.#skill(),
      coverage: Array.from(this.#coverage),
    };
  }

  #outcomeOf(quantiles: readonly number[], load: number): Outcome {
    const { levels } = this.#options;
    const covered: boolean[] = [];
    let sum = 0;
    for (let index = 0; index < levels.length; index += 1) {
      const quantile = quantiles[index] ?? 0;
      sum += pinballLoss(levels[index] ?? 0, quantile, load);
      covered.push(load <= quantile);
    }
    return { loss: sum / levels.length, covered };
  }

  #dropSettled(): void {
    if (this.#settled < this.#options.waitingMax) return;
    this.#waiting = this.#waiting.slice(this.#settled);
    this.#settled = 0;
  }

  #skill(): number {
    return this.#persistenceLoss === 0 ? 0 : 1 - this.#loss / this.#persistenceLoss;
  }

  #judge(): void {
    const { scoredMin, promoteSkillRatio } = this.#options;
    const skill = this.#skill();
    if (this.#promoted) this.#promoted = skill >= 0;
    else this.#promoted = this.#scored >= scoredMin && skill >= promoteSkillRatio;
  }
}

/**
 * Misses are kept relative to the root of the point times the typical load: between noise that is
 * the same at every load and noise in proportion to it, and exact for counts of independent events.
 */
function scaleOf(point: number, typical: number): number {
  return Math.sqrt(Math.max(point, typical / 100) * typical) || 1;
}
