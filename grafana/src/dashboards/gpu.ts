/** All GPUs: whether there are any, whether they are sound, how busy and how hot they are. */

import type { DashboardSpec } from '../dashboard.ts';
import { nodes } from '../variables.ts';
import { devices } from './gpu/devices.ts';
import { errors } from './gpu/errors.ts';
import { health } from './gpu/health.ts';
import { use } from './gpu/use.ts';

export const gpu: DashboardSpec = {
  uid: 'omnimind-gpu',
  title: 'GPU fleet',
  description:
    'All GPUs of the chosen hosts: whether agents can read them, whether they are sound, how busy, how full and how hot they are. Empty, and saying so, where there is none.',
  variables: [nodes],
  // Decisions and elections are rarely why a machine is as it is.
  events: ['Alerts'],
  rows: [health, devices, use, errors],
};
