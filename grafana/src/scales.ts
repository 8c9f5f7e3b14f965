/**
 * Thresholds that several dashboards share, so that one number means one thing. Panels change colour
 * before an alert fires: a look costs nothing, a page does. Refuses thresholds that only one panel has:
 * those stand there.
 */

import type { Thresholds } from './fields.ts';

/** Share of something that is in use and can run out: memory, disk, file handles. */
export const FULLNESS: Thresholds = [
  [null, 'ok'],
  [0.8, 'warning'],
  [0.9, 'critical'],
];

/** A count of which the first is already bad. */
export const NONE_IS_WELL: Thresholds = [
  [null, 'ok'],
  [1, 'critical'],
];

/** A count of which the first deserves a look. */
export const FEW_ARE_A_WARNING: Thresholds = [
  [null, 'ok'],
  [1, 'warning'],
];

/** A share that should be whole. */
export const WHOLE_IS_WELL: Thresholds = [
  [null, 'critical'],
  [1, 'ok'],
];
