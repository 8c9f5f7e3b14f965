/**
 * Whether what an input has read is what its policy asks for: an observation per metric, a reading per
 * strategy with the parts of its kind, an entry per budget, and nothing that the policy has no use for.
 */

import type { ScaleInput } from '../../model/decision.ts';
import type { ScalePolicy } from '../../model/policy.ts';
import { partsOf } from '../../model/strategy-parts.ts';
import { type Fault, pointerOf } from '../fault.ts';

export type GivenInput = Omit<ScaleInput, 'policy'>;

/** Every place where the input and the policy do not fit. */
export function matchFaults(policy: ScalePolicy, given: GivenInput): readonly Fault[] {
  const { strategies = [], budgets = [] } = policy;
  return [
    ...orderFaults(
      { at: 'observations', by: 'metric', what: 'metric', each: 'observation of' },
      policy.metrics.map(({ name }) => name),
      given.observations.map(({ metric }) => metric),
    ),
    ...agreementFaults(policy, given),
    ...orderFaults(
      { at: 'readings', by: 'strategy', what: 'strategy', each: 'reading of' },
      strategies.map(({ name }) => name),
      (given.readings ?? []).map(({ strategy }) => strategy),
    ),
    ...partFaults(policy, given),
    ...orderFaults(
      { at: 'budgets', by: 'budgetId', what: 'budget', each: 'entry of' },
      budgets.map(({ budgetId }) => budgetId),
      (given.budgets ?? []).map(({ budgetId }) => budgetId),
    ),
    ...uselessFaults(policy, given),
    ...replicaFaults(given),
    ...timeFaults(given),
  ];
}

interface Listed {
  /** Member of the input. */
  readonly at: string;
  /** Member of each entry that names what it is of. */
  readonly by: string;
  readonly what: string;
  readonly each: string;
}

function orderFaults(
  { at, by, what, each }: Listed,
  wanted: readonly string[],
  given: readonly string[],
): readonly Fault[] {
  const faults = given.flatMap((one, index) => {
    const name = wanted[index];
    if (name === one) return [];
    const expected =
      name === undefined ? `no further ${each.split(' ')[0] ?? ''}` : `the ${what} "${name}"`;
    const pointer = pointerOf([at, index, by]);
    return [{ pointer, message: `expected ${expected}, in the policy’s order` }];
  });
  const missing = wanted.slice(given.length).map((name) => `"${name}"`);
  if (missing.length === 0) return faults;
  return [...faults, { pointer: `/${at}`, message: `no ${each} ${missing.join(', ')}` }];
}

function agreementFaults({ metrics }: ScalePolicy, { observations }: GivenInput): readonly Fault[] {
  return observations.flatMap((observation, index) => {
    const metric = metrics[index];
    if (metric === undefined || observation.kind === 'failed') return [];
    const isAsked = metric.agreement !== undefined;
    if (isAsked === (observation.redundant !== undefined)) return [];
    const message = isAsked
      ? 'required: what the metric’s second expression says; null when it could not be read'
      : 'the metric has no agreement; remove it';
    return [{ pointer: pointerOf(['observations', index, 'redundant']), message }];
  });
}

/** Each reading has exactly the parts of its strategy, in their shapes. */
function partFaults({ strategies = [] }: ScalePolicy, given: GivenInput): readonly Fault[] {
  return (given.readings ?? []).flatMap(({ strategy, parts }, index) => {
    const spec = strategies[index];
    if (spec === undefined || spec.name !== strategy) return [];
    const wanted = partsOf(spec);
    const at = (name: string) => pointerOf(['readings', index, 'parts', name]);
    const wrong = wanted.flatMap(({ name, shape }) => {
      const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
      if (part === undefined)
        return [{ pointer: at(name), message: `required: ${shape} of "${strategy}"` }];
      if (part.kind === shape || part.kind === 'failed') return [];
      return [
        { pointer: at(name), message: `expected the kind ${shape} or failed; got ${part.kind}` },
      ];
    });
    const names = wanted.map(({ name }) => name);
    const unknown = Object.keys(parts).filter((name) => !names.includes(name));
    const known = names.length === 0 ? 'no parts' : names.join(', ');
    return [
      ...wrong,
      ...unknown.map((name) => ({
        pointer: at(name),
        message: `"${strategy}" reads ${known}; remove it`,
      })),
    ];
  });
}

function uselessFaults(policy: ScalePolicy, given: GivenInput): readonly Fault[] {
  const faults: Fault[] = [];
  if (given.forecast !== undefined && policy.forecast === undefined) {
    faults.push({ pointer: '/forecast', message: 'the policy has no forecast; remove it' });
  }
  const names = (policy.schedules ?? []).map(({ name }) => name);
  for (const [index, { name }] of (given.schedules ?? []).entries()) {
    if (names.includes(name)) continue;
    const message = `the policy has no schedule "${name}"`;
    faults.push({ pointer: pointerOf(['schedules', index, 'name']), message });
  }
  return faults;
}

function replicaFaults({ replicas = [] }: GivenInput): readonly Fault[] {
  const seen = new Set<string>();
  return replicas.flatMap(({ replicaId }, index) => {
    if (!seen.has(replicaId)) {
      seen.add(replicaId);
      return [];
    }
    const message = `"${replicaId}" is there twice; each replica has an id of its own`;
    return [{ pointer: pointerOf(['replicas', index, 'replicaId']), message }];
  });
}

function timeFaults({ schedules = [] }: GivenInput): readonly Fault[] {
  return schedules.flatMap(({ fromMs, untilMs }, index) => {
    if (fromMs < untilMs) return [];
    const message = `the window ends at ${untilMs}, which is not after its beginning ${fromMs}`;
    return [{ pointer: pointerOf(['schedules', index, 'untilMs']), message }];
  });
}
