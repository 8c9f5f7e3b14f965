/** A recommendation as a sentence that a person can act on: what to change, why, and on what it rests. */

import type {
  RecommendedResource,
  VerticalResource,
  VerticalResourceSpec,
} from '../model/vertical.ts';
import { unreachable } from '../model/reasons.ts';
import { days, gapsText } from './vertical-usage.ts';

const NAMES: Readonly<Record<VerticalResource, string>> = {
  cpu: 'CPU',
  memory: 'memory',
  gpu_memory: 'GPU memory',
};

type Found = Omit<RecommendedResource, 'text'>;

export function textOf(found: Found, spec: VerticalResourceSpec): string {
  return `${adviceText(found)}: ${basisText(found, spec)}${capText(found)}. ${evidenceText(found)}`;
}

/** Cores with at most three decimals, bytes in the largest unit below them. */
export function amount(resource: VerticalResource, value: number): string {
  if (resource === 'cpu') {
    const cores = Number(value.toFixed(3));
    return `${cores} ${cores === 1 ? 'core' : 'cores'}`;
  }
  const isLarge = value >= 1024 ** 3;
  return `${Number((value / (isLarge ? 1024 ** 3 : 1024 ** 2)).toFixed(2))} ${isLarge ? 'GiB' : 'MiB'}`;
}

function adviceText(found: Found): string {
  const { resource, advice, target, current, lowerBound, upperBound, changePercent } = found;
  const name = NAMES[resource];
  const to = `${amount(resource, target)} a replica`;
  const now = amount(resource, current ?? 0);
  switch (advice) {
    case 'set':
      return `Set ${name} to ${to}`;
    case 'keep':
      return `Keep ${name} at ${now} a replica, between ${amount(resource, lowerBound)} and ${amount(resource, upperBound)}; the target is ${amount(resource, target)}`;
    case 'raise':
    case 'lower':
      return `${advice === 'raise' ? 'Raise' : 'Lower'} ${name} from ${now} to ${to} (${signed(changePercent ?? 0)} %)`;
    default:
      return unreachable(advice);
  }
}

function basisText(found: Found, spec: VerticalResourceSpec): string {
  const { resource, peak, steps, evidence } = found;
  const plus = `plus a margin of ${number(spec.marginRatio * 100)} %`;
  const killed = evidence.oomKills ?? 0;
  const kills =
    killed === 0 ? '' : `, after ${killed} ${killed === 1 ? 'kill' : 'kills'} for want of memory`;
  const held = steps.some(({ stage }) => stage === 'oom_floor');
  if (held) return `less was not enough${kills}`;
  if (resource !== 'cpu' && !spec.belowPeak) {
    return `the highest peak of a replica was ${amount(resource, peak)}${kills}, ${plus}`;
  }
  const of = resource === 'cpu' ? 'what replicas used' : 'the replicas’ peaks';
  const covered = steps.find(({ stage }) => stage === 'percentile')?.after ?? peak;
  return `${number(spec.percentile * 100)} % of ${of}, the newer the weightier, was at most ${amount(resource, covered)}${kills}, ${plus}`;
}

function capText({ resource, uncappedTarget, steps }: Found): string {
  const stage = steps.findLast((step) => CAPS[step.stage] !== undefined)?.stage;
  const by = stage === undefined ? undefined : CAPS[stage];
  return by === undefined
    ? ''
    : `; ${by} make it so instead of ${amount(resource, uncappedTarget)}`;
}

const CAPS: Readonly<Record<string, string | undefined>> = {
  bounds: 'the policy’s bounds',
  slice: 'the sizes that the device can be cut into',
  device: 'the limits of the device',
};

function evidenceText({ evidence }: Found): string {
  const { samples, replicas, spanMs, gaps } = evidence;
  const missing = gaps === 0 ? '' : `, ${gapsText(evidence)}`;
  return `${samples} samples of ${replicas} ${replicas === 1 ? 'replica' : 'replicas'} over ${days(spanMs)}${missing}.`;
}

function signed(percent: number): string {
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${number(Math.abs(percent))}`;
}

function number(value: number): number {
  return Number(value.toFixed(1));
}
