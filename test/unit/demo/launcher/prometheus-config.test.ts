import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { fitPrometheusConfig } from '../../../../demo/launcher/prometheus-config.ts';

const CHECKED_IN = `# a comment
global: { scrape_interval: 15s, scrape_timeout: 10s, evaluation_interval: 15s }
rule_files: [ 'rules/*.rules.yml', '../alerts/rules/*.rules.yml' ]
scrape_configs:
  - job_name: agents
    scrape_interval: 30s
    scrape_timeout: 20s
    http_sd_configs:
      - url: http://control-plane:7400/v1/discovery/prometheus?kind=agents
        refresh_interval: 30s
    file_sd_configs: [ { files: [ 'targets/agents.json' ] } ]
    relabel_configs: [ { source_labels: [ __meta_omnimind_node ], target_label: node } ]
  - job_name: plane
    static_configs: [ { targets: [ 'control-plane:7400', 'localhost:9090' ] } ]
`;

const PLACES = {
  planeAddresses: ['127.0.0.1:7999'],
  prometheusAddress: '127.0.0.1:9999',
  configDirectory: '/project/prometheus',
  discoveryDirectory: '/data/discovery',
  demoTargets: { front: '127.0.0.1:7420' },
};

describe('the Prometheus configuration of npm start', () => {
  it('changes addresses, intervals and paths, adds the demo, and leaves the rest as it is', () => {
    assert.deepEqual(parse(fitPrometheusConfig(CHECKED_IN, PLACES)), {
      global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '2s' },
      rule_files: ['/project/prometheus/rules/*.rules.yml', '/project/alerts/rules/*.rules.yml'],
      scrape_configs: [
        {
          job_name: 'agents',
          http_sd_configs: [
            {
              url: 'http://127.0.0.1:7999/v1/discovery/prometheus?kind=agents',
              refresh_interval: '2s',
            },
          ],
          file_sd_configs: [{ files: ['/data/discovery/agents.json'], refresh_interval: '30s' }],
          relabel_configs: [{ source_labels: ['__meta_omnimind_node'], target_label: 'node' }],
        },
        { job_name: 'plane', static_configs: [{ targets: ['127.0.0.1:7999', '127.0.0.1:9999'] }] },
        {
          job_name: 'omnimind-demo',
          static_configs: [{ targets: ['127.0.0.1:7420'], labels: { process: 'front' } }],
        },
      ],
    });
  });

  it('asks every member for targets, and scrapes every member', () => {
    const planeAddresses = ['127.0.0.1:7001', '127.0.0.1:7002', '127.0.0.1:7003'];
    const fitted: unknown = parse(fitPrometheusConfig(CHECKED_IN, { ...PLACES, planeAddresses }));
    const { scrape_configs: jobs } = fitted as {
      scrape_configs: readonly Record<string, unknown>[];
    };
    assert.deepEqual(
      jobs[0]?.['http_sd_configs'],
      planeAddresses.map((address) => ({
        url: `http://${address}/v1/discovery/prometheus?kind=agents`,
        refresh_interval: '2s',
      })),
    );
    assert.deepEqual(jobs[1]?.['static_configs'], [
      { targets: [...planeAddresses, '127.0.0.1:9999'] },
    ]);
  });

  it('refuses a text that is not YAML or does not name the control plane', () => {
    assert.throws(() => fitPrometheusConfig('a: [ control-plane:7400', PLACES), /not YAML/);
    assert.throws(() => fitPrometheusConfig('global: {}', PLACES), /does not name/);
  });
});
