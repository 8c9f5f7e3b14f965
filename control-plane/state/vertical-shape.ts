/** The shape of what a policy says of vertical recommendations, as log entries and snapshots have it. */

import { VERTICAL_RESOURCES } from '../model/vertical.ts';
import type {
  GpuDeviceSpec,
  OomSpec,
  VerticalResourceSpec,
  VerticalSpec,
} from '../model/vertical.ts';
import { finite, listOf, nullable, objectOf, oneOf, text, truth } from './shape.ts';

export const verticalShape = objectOf<VerticalSpec>({
  resources: listOf(
    objectOf<VerticalResourceSpec>({
      resource: oneOf(VERTICAL_RESOURCES),
      query: text,
      request: nullable(finite),
      percentile: finite,
      marginRatio: finite,
      min: nullable(finite),
      max: nullable(finite),
      warmupMs: finite,
      belowPeak: truth,
      oom: nullable(objectOf<OomSpec>({ killsQuery: text, limitQuery: nullable(text) })),
      device: nullable(
        objectOf<GpuDeviceSpec>({ memoryBytes: finite, slicesBytes: listOf(finite) }),
      ),
    }),
    VERTICAL_RESOURCES.length,
  ),
  replicaLabel: text,
  historyMs: finite,
  stepMs: finite,
  halfLifeMs: finite,
  peakIntervalMs: finite,
  spanMinMs: finite,
  coverageMinRatio: finite,
});
