/** What the rows of the GPU dashboard share: its selector, and series named by host and index. */

import { runbook, toDashboard, type PanelLink } from '../../links.ts';

/** The labels that every selector of this dashboard has. */
export const OF = 'node=~"$node"';

export const NO_GPU = 'No GPU reports from these nodes';

export const toDevice: PanelLink = toDashboard('omnimind-gpu-device', 'This GPU', {
  values: { device: '${__field.labels.uuid}' },
});

export const toGpuRunbook: PanelLink = runbook('OmniMindGpuMissing');

/** What a legend says of a series of byGpu. */
export const GPU_LEGEND = '{{node}} GPU {{index}}';

/** Of at most 25 GPUs; series carry the uuid alone, people know GPUs by host and index. */
export function byGpu(series: string): string {
  return `topk(25, ${series} * on (node, uuid) group_left (index) max by (node, uuid, index) (omnimind_gpu_info{${OF}}))`;
}
