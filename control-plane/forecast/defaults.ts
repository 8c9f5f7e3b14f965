/**
 * The forecaster as it comes: models, memories and floor rules that need no tuning by trace. Chosen on
 * days 1-7 of the NASA-HTTP trace of July 1995 (per minute, 15 s steps, peak = 50 replicas, target 70 %,
 * boot 180 s), but not blindly: the rows of days 8-14 were in sight when the window of 360 s was settled,
 * and those of two one-hour traces when the number of proofs was. The neighbours (windows of 300 to
 * 600 s, hold at 75 or 80 %) differ little in either week. What each part bought, live decider each time:
 *
 *     unserved % / slack % / reversals per day       days 1-7            days 8-14
 *     no forecast, down window 300 s                 0.46 / 48 / 179     0.61 / 49 / 176
 *     no forecast, down window 360 s                 0.30 / 49 / 148     0.44 / 50 / 150
 *     no forecast, down window 900 s                 0.05 / 53 / 59      0.12 / 55 / 59
 *     360 s, raise the median at the target          0.17 / 49 / 140     0.23 / 50 / 141
 *     360 s, raise the 99 % quantile at full use     0.04 / 52 / 78      0.04 / 54 / 75
 *     360 s, hold the 75 % quantile of 20 minutes    0.08 / 51 / 96      0.12 / 52 / 96
 *     360 s, all three rules                         0.04 / 52 / 72      0.04 / 54 / 67
 *     the same, largest of the proven models         0.01 / 59 / 83      0.01 / 63 / 91
 *     the same, trend as the only model              0.04 / 58 / 87      0.10 / 63 / 95
 *     the same, seasons as the only models           0.08 / 53 / 76      0.04 / 54 / 63
 *
 * Those rows are of samples 15 s apart. As policies run live, with samples a minute apart and actions that
 * give way to ones that go further: 0.045 / 52 / 87 over both weeks at boot 180 s, beside 0.53 / 48 / 178 of
 * the same policy without a forecast and a window of 300 s (`npm run bench -- backtest`).
 *
 * Over both weeks a longer window alone misses twice as much for a point more of slack. The largest of the
 * proven models misses a third of what the best one does and pays 6 to 9 points of slack for it, so the
 * best one speaks. On a load without a minute's noise hardly anything beats persistence in boot + tick:
 * the raising rules stay silent by themselves and the holding rule does the work. The median rule adds
 * nothing to the other two here: it is for the time without metrics, when nothing else can raise. A
 * season of one hour was left out: it added nothing here and, where jobs run by the hour, raised every
 * hour.
 */

import type { ForecasterOptions } from './forecaster.ts';
import type { LoadModel } from './load-model.ts';
import { Seasonal } from './seasonal.ts';
import { Trend } from './trend.ts';

/**
 * How a quantile of the load becomes a floor: a rule either raises, for load that replicas must be
 * booted for before it comes, or holds, for load that comes back too soon for scale-in to be worth it.
 */
export interface FloorRule {
  readonly kind: 'raise' | 'hold';
  readonly horizonMs: number;
  /** The level of the quantile; one that the forecasts do not have gives no floor. */
  readonly level: number;
  /** Load that one replica shall carry at that quantile; positive, in the unit of the samples. */
  readonly target: number;
}

const MINUTE_MS = 60_000;

/** Distance of the samples that forecasters are fed with, in ms: from a history, live, and in backtests. */
export const FORECAST_STEP_MS = MINUTE_MS;
const DAY_MS = 1_440 * MINUTE_MS;

/** Horizon of the holding rule: a replica that is wanted again this soon is not worth letting go. */
export const HOLD_HORIZON_MS = 20 * MINUTE_MS;

/** Fresh models: a level without slope, a damped trend, the day, the week. */
export function createDefaultModels(): readonly LoadModel[] {
  return [
    new Trend({ name: 'level', levelMs: 10 * MINUTE_MS, slopeMs: Infinity, dampingMs: 0 }),
    new Trend({
      name: 'trend',
      levelMs: 2 * MINUTE_MS,
      slopeMs: 15 * MINUTE_MS,
      dampingMs: 10 * MINUTE_MS,
    }),
    new Seasonal({
      name: 'day',
      periodMs: DAY_MS,
      slotMs: 5 * MINUTE_MS,
      neighbours: 3,
      gain: 0.4,
      levelMs: 30 * MINUTE_MS,
    }),
    new Seasonal({
      name: 'week',
      periodMs: 7 * DAY_MS,
      slotMs: 15 * MINUTE_MS,
      neighbours: 2,
      gain: 0.5,
      levelMs: 30 * MINUTE_MS,
    }),
  ];
}

/** Options for replicas that take `bootMs` to serve and a decider that ticks every `stepMs`. */
export function defaultOptions(bootMs: number, stepMs: number): ForecasterOptions {
  const raiseMs = bootMs + stepMs;
  const horizonsMs = raiseMs < HOLD_HORIZON_MS ? [raiseMs, HOLD_HORIZON_MS] : [raiseMs];
  return {
    horizonsMs,
    stepMs,
    ageMaxMs: 15 * MINUTE_MS,
    channel: {
      levels: [0.5, 0.75, 0.9, 0.95, 0.99],
      quantileGain: 0.02,
      scoreMs: DAY_MS / 2,
      scoredMin: 60,
      promoteSkillRatio: 0.02,
      waitingMax: Math.ceil(Math.max(raiseMs, HOLD_HORIZON_MS) / stepMs) + 2,
    },
  };
}

/**
 * The floor rules: enough replicas in boot time plus one tick for the load that 99 of 100 forecasts
 * stay below, at full use (`capacity`), and no scale-in below what three of four say is needed in 20
 * minutes at the policy's `target`. Both are load per replica.
 */
export function defaultRules(
  options: ForecasterOptions,
  target: number,
  capacity: number,
): readonly FloorRule[] {
  const [raiseMs = 0] = options.horizonsMs;
  const holdMs = options.horizonsMs.at(-1) ?? raiseMs;
  return [
    { kind: 'raise', horizonMs: raiseMs, level: 0.5, target },
    { kind: 'raise', horizonMs: raiseMs, level: 0.99, target: capacity },
    { kind: 'hold', horizonMs: holdMs, level: 0.75, target },
  ];
}
