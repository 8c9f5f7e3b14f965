/**
 * Fits the checked-in prometheus.yml to one run on loopback: the members' real addresses, short
 * intervals for a day of ten minutes, absolute paths, and the demo's own front and load generator as
 * targets. Jobs, relabelling and rules stay as they are, so that what runs here is what is deployed.
 */

import { basename, join } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { Document, YAMLMap } from 'yaml';

export interface PrometheusPlaces {
  /** host:port of each member of the control plane, in place of `control-plane:7400`. */
  readonly planeAddresses: readonly string[];
  /** host:port of this Prometheus itself, in place of `localhost:9090`. */
  readonly prometheusAddress: string;
  /** Absolute folder of the checked-in configuration; rule files are relative to it. */
  readonly configDirectory: string;
  /** Absolute folder of the file_sd lists. */
  readonly discoveryDirectory: string;
  /** host:port of the demo's processes, by the name of their label `process`. */
  readonly demoTargets: Readonly<Record<string, string>>;
}

/** Between two scrapes, evaluations and readings of http_sd. */
const INTERVAL = '2s';
const PLANE_PLACEHOLDER = 'control-plane:7400';
const PROMETHEUS_PLACEHOLDER = 'localhost:9090';

/** @throws Error when the text is not YAML, or does not name the control plane. */
export function fitPrometheusConfig(text: string, places: PrometheusPlaces): string {
  if (!text.includes(PLANE_PLACEHOLDER)) {
    throw new Error(`prometheus.yml does not name ${PLANE_PLACEHOLDER}`);
  }
  const config = parseDocument(text.replaceAll(PROMETHEUS_PLACEHOLDER, places.prometheusAddress));
  const [fault] = config.errors;
  if (fault !== undefined) throw new Error('prometheus.yml is not YAML', { cause: fault });
  config.setIn(['global', 'scrape_interval'], INTERVAL);
  config.setIn(['global', 'scrape_timeout'], INTERVAL);
  config.setIn(['global', 'evaluation_interval'], INTERVAL);
  // No Alertmanager runs here: one that does not answer would be an alert of its own.
  config.delete('alerting');
  rewriteList(config, ['rule_files'], (entry) => join(places.configDirectory, entry));
  for (const job of mapsOf(config.get('scrape_configs'))) fitJob(job, places);
  config.addIn(['scrape_configs'], demoJob(places.demoTargets));
  return config.toString().replaceAll(PLANE_PLACEHOLDER, places.planeAddresses[0] ?? '');
}

function fitJob(job: YAMLMap, places: PrometheusPlaces): void {
  // The job's own would be longer than the interval, which Prometheus refuses.
  job.delete('scrape_interval');
  job.delete('scrape_timeout');
  for (const discovery of mapsOf(job.get('http_sd_configs'))) {
    discovery.set('refresh_interval', INTERVAL);
  }
  // Any member answers for all: one that is away leaves the others' lists.
  spreadOverMembers(job, 'http_sd_configs', places.planeAddresses, (discovery, addresses) =>
    addresses.map((address) => ({ ...discovery, url: readdressed(discovery['url'], address) })),
  );
  // Each member has metrics of its own.
  spreadOverMembers(job, 'static_configs', places.planeAddresses, (group, addresses) => {
    const targets: unknown = group['targets'];
    const list: readonly unknown[] = Array.isArray(targets) ? targets : [];
    const all = list.flatMap((target): readonly unknown[] =>
      target === PLANE_PLACEHOLDER ? addresses : [target],
    );
    return [{ ...group, targets: all }];
  });
  for (const discovery of mapsOf(job.get('file_sd_configs'))) {
    discovery.set('refresh_interval', '30s');
    rewriteList(discovery, ['files'], (entry) => join(places.discoveryDirectory, basename(entry)));
  }
}

/** Replaces each entry of a list by those that `spread` makes of it. */
function spreadOverMembers(
  job: YAMLMap,
  list: string,
  addresses: readonly string[],
  spread: (entry: Readonly<Record<string, unknown>>, addresses: readonly string[]) => unknown[],
): void {
  const entries = mapsOf(job.get(list)).map((entry): unknown => entry.toJSON());
  if (entries.length === 0) return;
  job.set(
    list,
    entries.flatMap((entry) =>
      typeof entry === 'object' && entry !== null ? spread({ ...entry }, addresses) : [entry],
    ),
  );
}

function readdressed(url: unknown, address: string): string {
  return String(url).replaceAll(PLANE_PLACEHOLDER, address);
}

function demoJob(targets: Readonly<Record<string, string>>): unknown {
  return {
    job_name: 'omnimind-demo',
    static_configs: Object.entries(targets).map(([process, target]) => ({
      targets: [target],
      labels: { process },
    })),
  };
}

function rewriteList(
  node: Document | YAMLMap,
  path: readonly string[],
  rewrite: (entry: string) => string,
): void {
  const list = node.getIn(path);
  if (!isSeq(list)) return;
  const entries: unknown = list.toJSON();
  if (!Array.isArray(entries)) return;
  node.setIn(
    path,
    entries.map((entry: unknown) => rewrite(String(entry))),
  );
}

function mapsOf(node: unknown): readonly YAMLMap[] {
  return isSeq(node) ? node.items.filter((item) => isMap(item)) : [];
}
