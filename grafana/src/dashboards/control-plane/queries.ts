/**
 * What the dashboards about the members of the control plane have in common: the selector of the
 * variable `member`, quantiles of histograms, and what stands there when no member is scraped.
 */

import type { Query } from '../../fields.ts';

/** Of the chosen members. */
export const OF = '{instance=~"$member"}';

export const NOT_SCRAPED = 'No member is scraped';

/**
 * Half, and 99 of 100, were faster; over the chosen members together.
 * @param exemplar whether the family has exemplars, which are then shown
 * @param more further matchers, each after a comma
 */
export function quantiles(family: string, exemplar: boolean, more = ''): readonly Query[] {
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${family}_bucket{instance=~"$member"${more}}[$__rate_interval])))`,
    legend: `p${quantile * 100}`,
    exemplar: exemplar && quantile === 0.99,
  }));
}
