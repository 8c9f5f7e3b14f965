/** All dashboards, in the order of the menu. One that is not here is not generated. */

import type { DashboardSpec } from '../dashboard.ts';
import { alerts } from './alerts.ts';
import { cache } from './cache.ts';
import { controlPlane } from './control-plane.ts';
import { fleet } from './fleet.ts';
import { gpuDevice } from './gpu-device.ts';
import { gpu } from './gpu.ts';
import { node } from './node.ts';
import { raft } from './raft.ts';
import { slo } from './slo.ts';
import { workloads } from './workloads.ts';

export const DASHBOARDS: readonly DashboardSpec[] = [
  fleet,
  node,
  gpu,
  gpuDevice,
  cache,
  workloads,
  controlPlane,
  raft,
  slo,
  alerts,
];
