/**
 * Where a strategy reproduces another autoscaler to the letter, and where it does better unless
 * asked not to. Every deviation stands in the table below with its reason, and nowhere else: the
 * files refer to a row by its letter. This file computes nothing.
 *
 * `hpa-v2` is the Horizontal Pod Autoscaler, autoscaling/v2 (replica_calculator.go, horizontal.go).
 * `nomad` is nomad-autoscaler (its target-value, threshold, pass-through and policy handler).
 * Without a mode: `kpa` is Knative's (autoscaler.go), `wva` llm-d's saturation analyzer.
 *
 * |   | they do | `default` does | because |
 * |---|---------|----------------|---------|
 * | A | hpa-v2: per replica, ratio above 1 × replicas that report may be fewer than are wanted (4 wanted, 1 listed at 200 % gives 2) | above 1 never fewer, below 1 never more than are wanted | an overload must not shrink what is overloaded |
 * | B | hpa-v2: object value × READY replicas, so that overload shrinks 3 to 2, and to 0 with none ready | as A; no proposal with none ready | as A |
 * | C | hpa-v2: utilization and mean are cut to whole percent and thousandths | exact quotient | 55.9 % is not 55 %: the cut moves every boundary, always towards fewer |
 * | D | hpa-v2: a missing sample counts as 100 % of the request going in, and may still go in | `missing: 'hold'`: a missing sample never lowers; `'fill'` is theirs | users want either (metrics broken: stay; one lost exporter: go on), so the policy says which |
 * | E | hpa-v2: succeeded replicas count as running ones | they are left out | they serve nothing |
 * | F | hpa-v2: one unknown request among all listed replicas, even failed ones, is an error | only replicas that count need one | a dead replica must not stop the living |
 * | G | hpa-v2: an event exactly one period old is free, so that a tick early by a millisecond waits a whole tick | out: free from `period − jitterMs` on; in: as theirs | a late replica costs more than one that came a jitter early; `≤` would halve every rate whose period is the tick |
 * | H | hpa-v2: percentages in binary fractions (100 + 10 % allows 111; 10 − 90 % allows 0) | rounded at the ninth decimal (110; 1) | the operator's percent, not the machine's |
 * | I | hpa-v2: a percent policy allows 0 from 0, so that nothing ever leaves zero | it allows at least 1 | growth from zero would need another policy |
 * | J | hpa-v2: the size at the period's start may come out negative after changes by hand | at least 0 | there is no negative size |
 * | K | nomad: pass-through cuts 3.7 to 3 | 4 | seven tenths of a replica's work need a replica |
 * | L | nomad: one failed query aborts every check of the policy | a failed check forbids going in; the others may go out | the healthy check must still be able to save the workload |
 * | M | nomad: threshold counts the points it can read and ignores NaN | with an unreadable point it may raise, never lower | broken data is not low load |
 * | N | kpa, nomad: the ceiling of a binary quotient | rounded at the ninth decimal first | (0.1 + 0.2) ÷ 0.1 is 3 |
 * | O | wva: spare capacity is averaged over unsaturated replicas only | saturated ones count with none to spare, and forbid going in | a replica passing the edge must not make the fleet look freer |
 * | P | all: no judgement of a sample's age | older than `sampleAgeMaxMs` is no sample; null judges none | a frozen series is not a steady load |
 *
 * Rows M to O have no switch: nobody can want the other. Row P is switched by its setting.
 *
 * Kept on purpose: replicas that surge during a rollout count as long as they serve and are not being
 * deleted, because the load that they carry is real; the ratio then shares it out among them.
 * NaN, infinite and negative values never lower the number in any mode: the originals cannot even
 * carry the first two, and no load is negative.
 */

export type HpaCompatibility = 'default' | 'hpa-v2';
export type NomadCompatibility = 'default' | 'nomad';
