/** Short forms to declare a metric family; nothing else. */

import type { Family } from './collector.ts';

export function gauge(name: string, help: string, ...labels: readonly string[]): Family {
  return { name, help, type: 'gauge', labels };
}

/** The name must end in `_total`. */
export function counter(name: string, help: string, ...labels: readonly string[]): Family {
  return { name, help, type: 'counter', labels };
}
