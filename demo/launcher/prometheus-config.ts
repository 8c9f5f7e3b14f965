/**
 * Fits the checked-in prometheus.yml to one run on loopback: the control plane's real address, short
 * intervals for a day of ten minutes, absolute paths, and the demo's own front and load generator as
 * targets. Jobs, relabelling and rules stay as they are, so that what runs here is what is deployed.
 */

import { basename, join } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { Document, YAMLMap } from 'yaml';

export interface PrometheusPlaces {
  /** host:port of the control plane, in place of `control-plane:7400`. */
  readonly planeAddress: string;
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
  const addressed = text
    .replaceAll(PLANE_PLACEHOLDER, places.planeAddress)
    .replaceAll(PROMETHEUS_PLACEHOLDER, places.prometheusAddress);
  const config = parseDocument(addressed);
  const [fault] = config.errors;
  if (fault !== undefined) throw new Error('prometheus.yml is not YAML', { cause: fault });
  config.setIn(['global', 'scrape_interval'], INTERVAL);
  config.setIn(['global', 'scrape_timeout'], INTERVAL);
  config.setIn(['global', 'evaluation_interval'], INTERVAL);
  rewriteList(config, ['rule_files'], (entry) => join(places.configDirectory, entry));
  for (const job of mapsOf(config.get('scrape_configs'))) fitJob(job, places);
  config.addIn(['scrape_configs'], demoJob(places.demoTargets));
  return config.toString();
}

function fitJob(job: YAMLMap, places: PrometheusPlaces): void {
  // The job's own would be longer than the interval, which Prometheus refuses.
  job.delete('scrape_interval');
  job.delete('scrape_timeout');
  for (const discovery of mapsOf(job.get('http_sd_configs'))) {
    discovery.set('refresh_interval', INTERVAL);
  }
  for (const discovery of mapsOf(job.get('file_sd_configs'))) {
    discovery.set('refresh_interval', '30s');
    rewriteList(discovery, ['files'], (entry) => join(places.discoveryDirectory, basename(entry)));
  }
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
