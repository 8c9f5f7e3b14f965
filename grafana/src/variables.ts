/**
 * The variables of dashboards: the data source, and what a reader narrows a dashboard to. Each is
 * filled from a series that exists whenever its kind of thing does. Refuses a default that names
 * something: one machine's node is not another's.
 *
 * A variable for many (`nodes`, `workloads`) begins with all and is used as `node=~"$node"`; a
 * variable for one (`oneDevice`) begins with the first and is used as `device="$device"`.
 */

import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import { METRICS, PROMETHEUS_UID } from './datasources.ts';

export interface VariableSpec {
  /** As in `$name`, and in the address as var-name. */
  readonly name: string;
  /** Shown before the choice. */
  readonly label: string;
  readonly description: string;
  /** A selector, which may use the variables before this one. */
  readonly series: string;
  /** The label of those series that has the values. */
  readonly from: string;
  /** Whether several may be chosen, and all are at first. */
  readonly many: boolean;
}

export const nodes: VariableSpec = {
  name: 'node',
  label: 'Node',
  description: 'Hosts whose agent reports.',
  series: 'omnimind_node_cpus',
  from: 'node',
  many: true,
};

export const workloads: VariableSpec = {
  name: 'workload',
  label: 'Workload',
  description: 'What the control plane scales.',
  series: 'omnimind_replicas_desired',
  from: 'workload',
  many: true,
};

export const members: VariableSpec = {
  name: 'member',
  label: 'Member',
  description: 'Members of the control plane, by the address that Prometheus scrapes.',
  series: 'omnimind_raft_term',
  from: 'instance',
  many: true,
};

export const oneDevice: VariableSpec = {
  name: 'device',
  label: 'GPU',
  description: 'One GPU of the chosen nodes, by the identity that the driver gives it.',
  series: 'omnimind_gpu_info{node=~"$node"}',
  from: 'uuid',
  many: false,
};

export const caches: VariableSpec = {
  name: 'target',
  label: 'Cache',
  description:
    'Servers, Sentinel groups and clusters that agents watch, by the name they have there.',
  series: 'omnimind_cache_up',
  from: 'target',
  many: true,
};

/** The variable `datasource`, which every dashboard has first. */
export function datasourceVariable(): VariableModel {
  return new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .description('The Prometheus that the panels read.')
    .type('prometheus')
    .current({ selected: true, text: 'Prometheus', value: PROMETHEUS_UID })
    .build();
}

export function queryVariable(spec: VariableSpec): VariableModel {
  const query = `label_values(${spec.series}, ${spec.from})`;
  const variable = new QueryVariableBuilder(spec.name)
    .label(spec.label)
    .description(spec.description)
    .datasource(METRICS)
    .query({ qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(spec.many)
    .includeAll(spec.many);
  return spec.many
    ? variable
        .allValue('.+')
        .current({ selected: true, text: ['All'], value: ['$__all'] })
        .build()
    : variable.build();
}
