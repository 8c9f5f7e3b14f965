/**
 * The data sources that dashboards name, as grafana/provisioning/datasources sets them up. Panels use
 * the variable, so that a reader can point a dashboard at another Prometheus; refuses a fixed one there.
 */

import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

export const PROMETHEUS_UID = 'prometheus';

/** What the variable `datasource` holds. */
export const METRICS: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** The record of decisions; read through the views grafana_* alone. */
export const RECORDS: DataSourceRef = { type: 'postgres', uid: 'postgres' };
