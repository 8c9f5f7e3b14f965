/**
 * Faults that are planted into the product's sources when they are loaded, one at a time, to prove that
 * the simulation finds them. Each is a piece of text that occurs exactly once in its file, and what
 * stands there instead. Nothing here is ever part of the product.
 */

import { ELECTION_PLANTS } from './plants/elections.ts';
import { MEMBERSHIP_PLANTS, SNAPSHOT_PLANTS } from './plants/membership-and-snapshots.ts';
import type { Plant } from './plants/plant.ts';
import { READ_PLANTS } from './plants/reads-and-leases.ts';
import { REPLICATION_PLANTS } from './plants/replication.ts';

export type { Plant } from './plants/plant.ts';

export const PLANTS: readonly Plant[] = [
  ...ELECTION_PLANTS,
  ...REPLICATION_PLANTS,
  ...READ_PLANTS,
  ...MEMBERSHIP_PLANTS,
  ...SNAPSHOT_PLANTS,
];
