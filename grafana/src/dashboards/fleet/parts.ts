/** Where the panels of the fleet dashboard lead. */

import { toDashboard } from '../../links.ts';

export const toWorkloads = toDashboard('omnimind-workloads', 'Workloads');
export const toPlane = toDashboard('omnimind-control-plane', 'Control plane');
export const toNode = toDashboard('omnimind-node', 'This node', {
  values: { node: '${__field.labels.node}' },
});
export const toWorkload = toDashboard('omnimind-workloads', 'This workload', {
  values: { workload: '${__field.labels.workload}' },
});
