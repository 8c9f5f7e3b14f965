import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composePrometheusConfig } from '../../support/compose-prometheus.ts';
import { ROOT, textOf } from '../../support/source-tree.ts';

const FILE = 'docker/prometheus.yml';

describe('the configuration of Prometheus in containers', () => {
  it('is that of npm start, with members, key and demo (rewrite with UPDATE_GOLDEN=1, and read the diff)', async () => {
    const expected = await composePrometheusConfig(textOf('prometheus/prometheus.yml'));
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(ROOT, FILE), expected);
    assert.equal(textOf(FILE), expected);
  });

  it('asks every member, each time with the key', () => {
    const text = textOf(FILE);
    assert.ok(!/control-plane:7400/.test(text), 'a target is not a member');
    for (const member of ['control-plane-1', 'control-plane-2', 'control-plane-3']) {
      // Agents and replicas over http_sd, and its own metrics.
      assert.equal(text.split(`${member}:7400`).length - 1, 3, member);
    }
    assert.equal(text.split('credentials_file: /run/secrets/api-key-viewer').length - 1, 7);
  });
});
