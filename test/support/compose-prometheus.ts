/**
 * What docker/prometheus.yml must be: prometheus/prometheus.yml, which `npm start` uses too, with what a
 * stack in containers has and a single host has not: several members, an API key, other folders. All
 * else, jobs and limits and relabelling, stays word for word.
 */

import { format, resolveConfig } from 'prettier';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { YAMLMap } from 'yaml';

const MEMBERS = ['control-plane-1:7400', 'control-plane-2:7400', 'control-plane-3:7400'];
const PLACEHOLDER = 'control-plane:7400';
/** With its type: Prometheus 2.42 sends none in http_sd otherwise. */
const AUTHORIZATION = { type: 'Bearer', credentials_file: '/run/secrets/api-key-viewer' };
/** Of scrapes, rules and discovery: the demo's policy wants samples of at most 20 s. */
const INTERVAL = '5s';

const HEADER = ` prometheus/prometheus.yml for docker-compose.yml: the same jobs, with each member by its name, the API
 key of Prometheus, shorter intervals, and the demo. Written by a test, which fails when the two differ:
 UPDATE_GOLDEN=1 npm test -- test/unit/compose/prometheus.test.ts`;

/** The rest of the stack, which a single host has not. */
const STACK_JOBS = [
  ['alertmanager', 'alertmanager:9093'],
  ['grafana', 'grafana:3000'],
  ['tempo', 'tempo:3200'],
].map(([job, target]) => ({
  job_name: job,
  honor_labels: false,
  sample_limit: 20_000,
  static_configs: [{ targets: [target] }],
}));

const ALERTING = {
  alertmanagers: [{ static_configs: [{ targets: ['alertmanager:9093'] }] }],
};

const DEMO_JOB = {
  job_name: 'omnimind-demo',
  honor_labels: false,
  sample_limit: 5000,
  // Asked by name: without the profile `demo` there is no such name, and no target that is down.
  dns_sd_configs: [
    { names: ['demo-front'], type: 'A', port: 7420, refresh_interval: '1m' },
    { names: ['demo-load'], type: 'A', port: 7421, refresh_interval: '1m' },
  ],
  relabel_configs: [
    { source_labels: ['__meta_dns_name'], regex: 'demo-(.+)', target_label: 'process' },
    { source_labels: ['__meta_dns_name'], target_label: 'instance' },
  ],
};

export async function composePrometheusConfig(text: string): Promise<string> {
  const config = parseDocument(text);
  config.commentBefore = HEADER;
  for (const name of ['scrape_interval', 'scrape_timeout', 'evaluation_interval']) {
    config.setIn(['global', name], INTERVAL);
  }
  const jobs = config.get('scrape_configs');
  for (const job of mapsOf(jobs)) fitJob(job);
  if (isSeq(jobs)) {
    const named = new Set(mapsOf(jobs).map((job) => job.get('job_name')));
    const added = STACK_JOBS.filter((job) => !named.has(job.job_name));
    for (const job of [...added, DEMO_JOB]) jobs.add(config.createNode(job));
  }
  // Where `npm start` has no Alertmanager, the file for both names none.
  if (!config.has('alerting')) config.set('alerting', config.createNode(ALERTING));
  const options = await resolveConfig('docker-compose.yml');
  return format(config.toString(), { ...options, parser: 'yaml' });
}

function fitJob(job: YAMLMap): void {
  const text = JSON.stringify(job.toJSON());
  // Lists in files are for a Prometheus on the host of a member.
  job.delete('file_sd_configs');
  if (!text.includes(PLACEHOLDER)) return;
  const discoveries = mapsOf(job.get('http_sd_configs')).map((entry) => fieldsOf(entry.toJSON()));
  if (discoveries.length > 0) {
    const each = discoveries.flatMap((entry) =>
      MEMBERS.map((member) => ({
        ...entry,
        url: String(entry['url']).replace(PLACEHOLDER, member),
        refresh_interval: INTERVAL,
        authorization: { ...AUTHORIZATION },
      })),
    );
    job.set('http_sd_configs', each);
  }
  const groups = mapsOf(job.get('static_configs')).map((entry) => fieldsOf(entry.toJSON()));
  if (groups.length === 0) return;
  job.set(
    'static_configs',
    groups.map((group) => ({ ...group, targets: MEMBERS })),
  );
  job.set('authorization', { ...AUTHORIZATION });
}

function mapsOf(node: unknown): readonly YAMLMap[] {
  return isSeq(node) ? node.items.filter((item) => isMap(item)) : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
