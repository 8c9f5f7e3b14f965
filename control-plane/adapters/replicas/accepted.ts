/** Whose workload it is: a target is told of no other's. */

import type { Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';

/** @throws ScaleTargetError `rejected` */
export function requireTarget<Own extends Workload>(
  workload: Workload,
  isOwn: (workload: Workload) => workload is Own,
): Own {
  if (isOwn(workload)) return workload;
  const detail = `${workload.id}: its replicas are of the target ${workload.target.kind}`;
  throw new ScaleTargetError('rejected', detail);
}
