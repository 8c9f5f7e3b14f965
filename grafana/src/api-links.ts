/**
 * Links from panels to the control plane's own API, where a number's whole story is. The one place
 * where its address is written; refuses paths that the API does not serve, by naming each that is used.
 */

import type { PanelLink } from './links.ts';

/** As docker-compose.yml publishes it. */
const API = 'http://localhost:7400';

export const API_PATHS = [
  '/docs',
  '/readyz',
  '/v1/alerts',
  '/v1/budgets',
  '/v1/decisions',
  '/v1/elections',
  '/v1/members',
  '/v1/mode',
  '/v1/slos',
  '/v1/workloads',
] as const;

export type ApiPath = (typeof API_PATHS)[number];

/** @param query without the question mark; may name what was clicked, such as `${__field.labels.reason}` */
export function api(path: ApiPath, title: string, query = ''): PanelLink {
  return { title, url: `${API}${path}${query === '' ? '' : `?${query}`}` };
}
