/** SLOs for tests, as documents and as the model. */

import type { Slo } from '../../control-plane/model/slo.ts';
import { parseSlo } from '../../control-plane/schemas/slo.ts';

/** Right as it stands; fields given are put over it, undefined ones are left out. */
export function sloDocumentOf(fields: Readonly<Record<string, unknown>> = {}): unknown {
  const whole: Readonly<Record<string, unknown>> = {
    id: 'checkout',
    description: 'Requests are served.',
    owner: 'shop',
    scope: 'workload',
    objective: 0.99,
    window: '30d',
    indicator: { bad: 'x_total{status="500"}', total: 'x_total' },
    runbook: 'SLO checkout',
    ...fields,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
}

export function sloOf(fields: Readonly<Record<string, unknown>> = {}): Slo {
  return parseSlo(sloDocumentOf(fields));
}
