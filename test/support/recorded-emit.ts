/** An `Emit` that keeps what it is given, as a map from `name{label="value"}` to the value. */

import type { Emit, Family } from '../../agents/collector.ts';

export interface RecordedEmit {
  readonly emit: Emit;
  readonly samples: ReadonlyMap<string, number>;
  readonly families: ReadonlySet<Family>;
}

export function recordEmit(): RecordedEmit {
  const samples = new Map<string, number>();
  const families = new Set<Family>();
  return {
    samples,
    families,
    emit(family, value, ...labelValues) {
      families.add(family);
      const labels = family.labels.map((name, index) => `${name}="${labelValues[index] ?? ''}"`);
      samples.set(labels.length === 0 ? family.name : `${family.name}{${labels.join(',')}}`, value);
    },
  };
}
