/** One GPU, with everything that the driver says of it. */

import type { DashboardSpec } from '../dashboard.ts';
import { nodes, oneDevice } from '../variables.ts';
import { errors } from './gpu-device/errors.ts';
import { identity } from './gpu-device/identity.ts';
import { links } from './gpu-device/links.ts';
import { use } from './gpu-device/use.ts';

export const gpuDevice: DashboardSpec = {
  uid: 'omnimind-gpu-device',
  title: 'GPU',
  description:
    'One GPU: what it is, how it is used, what holds it down, its errors, and its links. Values that the model or the driver does not give are absent.',
  variables: [nodes, oneDevice],
  // Decisions and elections are rarely why a machine is as it is.
  events: ['Alerts'],
  rows: [identity, use, errors, links],
};
