/** How the GPU is connected: PCIe and NVLink. */

import type { DashboardRow } from '../../dashboard.ts';
import { stateTimeline } from '../../panels.ts';
import { deviceLines, OF, toGpus } from './parts.ts';

export const links: DashboardRow = {
  title: 'Links',
  panels: [
    deviceLines({
      title: 'PCIe link of the highest',
      description:
        'Generation and lanes of the link as shares of the most that GPU and slot can do. An idle GPU lowers the generation; lanes below 100 % are a bad seat or riser.',
      unit: 'ratio',
      max: 1,
      queries: [
        {
          expr: `max(omnimind_gpu_pcie_link_generation{${OF}} / omnimind_gpu_pcie_link_generation_max{${OF}})`,
          legend: 'generation',
        },
        {
          expr: `max(omnimind_gpu_pcie_link_width{${OF}} / omnimind_gpu_pcie_link_width_max{${OF}})`,
          legend: 'lanes',
        },
      ],
    }),
    deviceLines({
      title: 'PCIe packets sent again',
      description: 'Packets per second that had to be repeated. Lasting ones slow every copy down.',
      unit: 'packetsPerSecond',
      queries: [
        {
          expr: `max(rate(omnimind_gpu_pcie_replays_total{${OF}}[$__rate_interval]))`,
          legend: 'sent again',
        },
      ],
    }),
    deviceLines({
      title: 'NVLink traffic',
      description: 'Bytes per second over all NVLinks of the GPU.',
      unit: 'bytesPerSecond',
      noValue: 'No GPU, or it has no NVLink',
      queries: [
        {
          expr: `max(rate(omnimind_gpu_nvlink_receive_bytes_total{${OF}}[$__rate_interval]))`,
          legend: 'received',
        },
        {
          expr: `max(rate(omnimind_gpu_nvlink_transmit_bytes_total{${OF}}[$__rate_interval]))`,
          legend: 'sent',
        },
      ],
    }),
    stateTimeline({
      title: 'NVLinks',
      description: 'Whether each NVLink is active.',
      unit: 'plain',
      link: toGpus,
      size: { width: 24, height: 8 },
      noValue: 'No GPU, or it has no NVLink',
      mappings: [
        [0, 'Down', 'critical'],
        [1, 'Up', 'ok'],
      ],
      queries: [{ expr: `max by (link) (omnimind_gpu_nvlink_up{${OF}})`, legend: 'link {{link}}' }],
    }),
  ],
};
