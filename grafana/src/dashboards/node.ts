/** One host, or some side by side: use, saturation and errors of each resource, and the agent itself. */

import type { DashboardSpec } from '../dashboard.ts';
import { agent } from './node/agent.ts';
import { cpu } from './node/cpu.ts';
import { disks } from './node/disks.ts';
import { hardware } from './node/hardware.ts';
import { health } from './node/health.ts';
import { memory } from './node/memory.ts';
import { network } from './node/network.ts';
import { nodes } from '../variables.ts';

export const node: DashboardSpec = {
  uid: 'omnimind-node',
  title: 'Node',
  description:
    'One host, or some side by side: how busy, how saturated and how faulty CPU, memory, disks and network are, and how the agent does that reports it.',
  variables: [nodes],
  // Decisions and elections are rarely why a machine is as it is.
  events: ['Alerts'],
  rows: [health, cpu, memory, disks, network, hardware, agent],
};
