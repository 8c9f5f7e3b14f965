/** Mutants of what reads, of the strategies and of what explains; mutants-list.part.ts says what a mutant is. */

import type { Plant } from '../simulation/plants/plant.ts';
import { mutantsOf } from './mutants-of.part.ts';

export const STRATEGY_MUTANTS: readonly Plant[] = [
  ...mutantsOf('part-reader.ts', [
    [
      'points-have-no-age',
      'if (fault !== null) throw new Unreadable(none(fault.reason,',
      'if (fault === undefined) throw new Unreadable(none(fault,',
      'points over a frozen series are used',
    ],
    [
      'gap-off-by-one',
      'if (missing > gapRatioMax * expected) {',
      'if (missing >= gapRatioMax * expected) {',
      'a window without a gap is refused',
    ],
    [
      'coverage-off-by-one',
      'if (ratio < coverage.minimumRatio)',
      'if (ratio <= coverage.minimumRatio)',
      'exactly enough reporting replicas are too few',
    ],
    [
      'newest-age',
      'Math.min(this.#oldestAtMs ?? Infinity, sampledAtMs)',
      'Math.max(this.#oldestAtMs ?? -Infinity, sampledAtMs)',
      'the newest sample tells the age',
    ],
    [
      'null-is-zero',
      'return { value: part.value ?? NaN,',
      'return { value: part.value ?? 0,',
      'NaN is no load',
    ],
  ]),
  ...mutantsOf('strategy.ts', [
    [
      'thin-lowers',
      'limited === null ? proposal.replicas : Math.max(proposal.replicas, desired)',
      'proposal.replicas',
      'too thin a coverage lowers',
    ],
    [
      'period-speaks-again',
      'periodEndMs === null || changedAtMs < periodEndMs',
      'periodEndMs === null || changedAtMs <= periodEndMs + 1e12',
      'one period of an alarm acts at every tick',
    ],
    [
      'memory-lost-with-the-signal',
      'memory: memory ?? known ?? null',
      'memory: memory ?? null',
      'an outage forgets what a strategy knew',
    ],
    [
      'zero-without-asking',
      'scaleToZero: policy.replicasMin === 0',
      'scaleToZero: true',
      'concurrency asks for none where one is the minimum',
    ],
    [
      'booting-is-missing',
      "phase: isComing && hpaOf(policy) === 'default' ? 'pending' : 'running',",
      "phase: 'running',",
      'a replica that boots keeps the others from going in',
    ],
    [
      'seconds-are-ms',
      'timeToFirstTokenMs: seconds === null ? null : seconds * 1_000,',
      'timeToFirstTokenMs: seconds,',
      'seconds are taken for milliseconds',
    ],
  ]),
  ...mutantsOf('formula-proposal.ts', [
    [
      'formula-shrinks-overload',
      'const directed = ratio > 1 ? Math.max(raw, desired) : Math.min(raw, desired);',
      'const directed = raw;',
      'a mean shrinks what boots',
    ],
    [
      'formula-takes-negative',
      "if (result.value < 0) return none('signal_out_of_range'",
      "if (result.value < -1e9) return none('signal_out_of_range'",
      'a negative result is a number of replicas',
    ],
    [
      'formula-takes-old-inputs',
      'if (fault !== null) return none(fault.reason, `${name}: ${fault.detail}`);',
      '',
      'a formula takes inputs that cannot be used',
    ],
  ]),
  ...mutantsOf('counterfactual.ts', [
    [
      'all-are-named',
      'return other === replicas ? [] : [{ without, replicas: other }];',
      'return [{ without, replicas: other }];',
      'what would have changed nothing is named',
    ],
    [
      'one-alone-is-taken-out',
      'if (metrics.length + strategies.length < 2) return [];',
      '',
      'the only signal is taken out',
    ],
  ]),
  ...mutantsOf('behavior.ts', [
    [
      'rates-max-is-min',
      "boundedReplicas(rules.select === 'max' ? Math.max(...limits) : Math.min(...limits))",
      "boundedReplicas(rules.select === 'max' ? Math.min(...limits) : Math.max(...limits))",
      'the most and the least going out are swapped',
    ],
    [
      'rates-in-max-is-min',
      "boundedReplicas(rules.select === 'max' ? Math.min(...limits) : Math.max(...limits))",
      "boundedReplicas(rules.select === 'max' ? Math.max(...limits) : Math.min(...limits))",
      'the most and the least going in are swapped',
    ],
    [
      'event-a-period-old-counts',
      'if (input.nowMs - atMs < spanMs) changed += change;',
      'if (input.nowMs - atMs <= spanMs) changed += change;',
      'an event exactly a period ago counts',
    ],
    [
      'percent-of-now',
      'const start = input.current - changed;',
      'const start = input.current;',
      'percent are of what there is now',
    ],
    [
      'percent-from-none',
      'return policy.value > 0 ? Math.max(1, grown) : grown; // row I',
      'return grown; // row I',
      'nothing ever leaves none',
    ],
  ]),
  ...mutantsOf('strategies/groups.ts', [
    [
      'in-before-out',
      '{ down: 0, stay: 1, up: 2 }',
      '{ down: 2, stay: 1, up: 0 }',
      'going in goes before going out',
    ],
    [
      'failed-abstains',
      "return direction === 'stay' && failed === null;",
      "return direction === 'stay';",
      'a failed check of a group abstains',
    ],
  ]),
  ...mutantsOf('strategies/target-tracking.ts', [
    [
      'in-without-alarm',
      "if (state.low.kind !== 'alarm') return stay('no alarm is on');",
      '',
      'goes in at once',
    ],
    [
      'in-if-any',
      'if (failed !== undefined) return failed;',
      '',
      'goes in while a policy has failed',
    ],
  ]),
  ...mutantsOf('strategies/alarm.ts', [
    [
      'alarm-at-the-bound',
      "rules.side === 'above' ? value > rules.bound",
      "rules.side === 'above' ? value >= rules.bound",
      'the bound itself is beyond',
    ],
    [
      'gap-goes-on',
      '(follows ? state.beyond : 0) + 1',
      'state.beyond + 1',
      'a gap does not begin the count anew',
    ],
  ]),
  ...mutantsOf('strategies/queue-depth.ts', [
    [
      'awake-at-activation',
      'if (depth.value > rules.activation) {',
      'if (depth.value >= rules.activation) {',
      'the activation itself wakes',
    ],
    [
      'sleeps-at-once',
      'nowMs - activeAtMs >= rules.cooldownMs',
      'nowMs - activeAtMs >= 0',
      'the last worker does not wait for its cooldown',
    ],
  ]),
  ...mutantsOf('strategies/per-replica.ts', [
    [
      'missing-lowers',
      "return classes.missing.length > 0 ? 'signal_partial' : null; // row D",
      'return null;',
      'a missing sample lowers',
    ],
    [
      'unready-counts-inwards',
      'classes.unready.length > 0 && ratio > 1',
      'classes.unready.length > 0 && ratio < 1',
      'what boots counts as idle going in',
    ],
  ]),
  ...mutantsOf('strategies/concurrency.ts', [
    [
      'panic-shrinks',
      'Math.max(panicked.panicReplicasMax, calm, burst)',
      'Math.max(calm, burst)',
      'panic shrinks',
    ],
    [
      'no-grace',
      'input.nowMs - idleSinceMs >= rules.scaleToZeroGraceMs',
      'input.nowMs - idleSinceMs >= 0',
      'the last replica goes without its grace',
    ],
  ]),
  ...mutantsOf('strategies/inference.ts', [
    [
      'in-without-simulation',
      'sum(loads, (load) => load.kvCacheRatio) / left',
      'sum(loads, (load) => load.kvCacheRatio) / loads.length',
      'goes in without asking whether the rest can carry it',
    ],
  ]),
  ...mutantsOf('strategies/capacity.ts', [
    ['no-redundancy', 'needed + rules.redundantReplicas', 'needed', 'no replica may fail'],
  ]),
  ...mutantsOf('strategies/threshold.ts', [
    [
      'upper-bound-belongs',
      'value < rules.upperBound',
      'value <= rules.upperBound',
      'the upper bound belongs to the band',
    ],
  ]),
  ...mutantsOf('strategies/step.ts', [
    [
      'upper-step-holds-its-end',
      'return distance >= lower && distance < upper;',
      'return distance > lower && distance <= upper;',
      'a step holds its upper end',
    ],
  ]),
  ...mutantsOf('strategies/series.ts', [
    [
      'limits-swapped',
      'current + limits.maxScaleUp',
      'current - limits.maxScaleUp',
      'a limit of going out goes in',
    ],
  ]),
  ...mutantsOf('strategies/strategy-proposal.ts', [
    [
      'reading-age-off-by-one',
      'if (Math.abs(ageMs) <= ageMaxMs) return null;',
      'if (Math.abs(ageMs) < ageMaxMs) return null;',
      'the age that is allowed is too old',
    ],
    [
      'no-slack',
      'boundedReplicas(Math.ceil(quotient - ROUNDING_SLACK))',
      'boundedReplicas(Math.ceil(quotient))',
      'a rounding error of binary fractions is a replica',
    ],
    [
      'limited-lowers',
      'replicas: Math.max(proposal.replicas, current), limited',
      'replicas: proposal.replicas, limited',
      'incomplete inputs lower',
    ],
  ]),
];
