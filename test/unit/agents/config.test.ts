import assert from 'node:assert/strict';
import { parseConfig, SETTING_PREFIX, SETTINGS } from '../../../agents/config.ts';
import type { AgentConfig } from '../../../agents/config.ts';

function valid(environment: Readonly<Record<string, string>> = {}): AgentConfig {
  const parsed = parseConfig(prefixed(environment));
  assert.equal(parsed.kind, 'valid', JSON.stringify(parsed));
  return parsed.config;
}

function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  const parsed = parseConfig(prefixed(environment));
  assert.equal(parsed.kind, 'invalid');
  return parsed.problems;
}

function prefixed(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [`${SETTING_PREFIX}${name}`, value]),
  );
}

describe('agent config', () => {
  it('has a default for everything: an exporter on loopback', () => {
    const config = valid();
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.port, 7410);
    assert.deepEqual(config.controlPlane.urls, []);
    assert.deepEqual(config.deadlinesMs, { node: 5000, gpu: 5000, cache: null });
    assert.match(config.nodeId, /^[A-Za-z0-9._-]+$/);
  });

  it('ignores variables of others', () => {
    assert.equal(parseConfig({ PATH: '/bin', OMNIMIND_PORT: '1' }).kind, 'valid');
  });

  it('says every problem at once, each with its variable', () => {
    const problems = problemsOf({
      PORT: '70000',
      STALENESS: '60',
      COLLECTOR_NODE: 'yes',
      CONTROL_PLANE_URLS: 'http://a:7400,ftp://b,https://user:secret@c',
      LABELS: 'rack=a1,Zone=b,rack=a2',
      CAPABILITIES: 'inference,GPU!',
      NODE_ID: 'a b',
      DISKS_EXCLUDE: '(',
      ADVERTISED_ADDRESS: 'nohost',
      HOST_ROOT: 'host',
      TYPO: '1',
    });
    assert.equal(problems.length, 11, problems.join('\n'));
    for (const name of ['PORT', 'STALENESS', 'TYPO', 'LABELS', 'CAPABILITIES', 'NODE_ID']) {
      assert.ok(
        problems.some((problem) => problem.startsWith(`${SETTING_PREFIX}${name} `)),
        name,
      );
    }
    assert.ok(!problems.join('\n').includes('secret'));
  });

  it('takes labels, capabilities and several members of the control plane', () => {
    const config = valid({
      LABELS: 'rack=a1, zone=eu=1',
      CAPABILITIES: 'inference, gpu,inference',
      CONTROL_PLANE_URLS: 'http://a:7400, https://b/prefix',
      ADVERTISED_ADDRESS: '[fd00::1]:7410',
    });
    assert.deepEqual({ ...config.labels }, { rack: 'a1', zone: 'eu=1' });
    assert.deepEqual(config.capabilities, ['inference', 'gpu']);
    assert.deepEqual(config.controlPlane.urls.map(String), ['http://a:7400/', 'https://b/prefix']);
    assert.equal(config.advertisedAddress, '[fd00::1]:7410');
  });

  it('collects from caches exactly when a targets file is named and the switch allows it', () => {
    assert.equal(valid({ CACHE_TARGETS_FILE: '/t.yaml' }).deadlinesMs.cache, 5000);
    const off = valid({ CACHE_TARGETS_FILE: '/t.yaml', COLLECTOR_CACHE: 'off' });
    assert.equal(off.deadlinesMs.cache, null);
    assert.match(problemsOf({ COLLECTOR_CACHE: 'on' })[0] ?? '', /CACHE_TARGETS_FILE/);
  });

  it('excludes nothing with an empty expression', () => {
    const config = valid({ DISKS_EXCLUDE: '' });
    assert.equal(config.disksExclude.test('sda'), false);
    assert.equal(config.disksExclude.test(''), false);
  });

  it('excludes the partitions and loop devices, not the disks, by default', () => {
    const { disksExclude } = valid();
    const names = ['sda', 'sda1', 'vda', 'nvme0n1', 'nvme0n1p2', 'loop0', 'zram0', 'dm-0', 'md0'];
    assert.deepEqual(
      names.filter((name) => !disksExclude.test(name)),
      ['sda', 'vda', 'nvme0n1', 'dm-0', 'md0'],
    );
  });

  it('understands durations with their unit and refuses bare numbers', () => {
    assert.equal(valid({ COLLECTOR_NODE_DEADLINE: '1.5s' }).deadlinesMs.node, 1500);
    assert.equal(valid({ STALENESS: '2m' }).stalenessMs, 120_000);
    assert.match(problemsOf({ STALENESS: '60' })[0] ?? '', /duration such as/);
  });

  it('has a unit and a meaning for every setting, and unique names', () => {
    assert.equal(new Set(SETTINGS.map(({ name }) => name)).size, SETTINGS.length);
    for (const { name, unit, meaning } of SETTINGS) {
      assert.match(name, /^OMNIMIND_AGENT_[A-Z_]+$/);
      assert.ok(unit !== '' && meaning !== '', name);
    }
  });
});
