import assert from 'node:assert/strict';

import {
  CacheTargetsError,
  parseCacheTargets,
} from '../../../../agents/collectors/cache-targets.ts';

function faultsOf(text: string): readonly string[] {
  try {
    parseCacheTargets(text);
  } catch (error) {
    assert.ok(error instanceof CacheTargetsError);
    return error.faults.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

describe('cache targets', () => {
  it('reads all three kinds', () => {
    const [one, two, three] = parseCacheTargets(`
targets:
  - name: one
    kind: standalone
    address: '[::1]:6379'
    username: monitor
    passwordFile: /p
    tls: { ca: /ca, cert: /c, key: /k, servername: redis.internal }
    timeout: 1.5s
  - { name: two, kind: sentinel, sentinels: ['a:1', 'b:2'], master: mymaster, sentinelAccess: { passwordFile: /s } }
  - { name: three, kind: cluster, seeds: ['a:7000'], instancesMax: 8, addressMap: { '10.0.0.1:7000': 'a:7001' } }
`);
    assert.deepEqual(one, {
      name: 'one',
      kind: 'standalone',
      address: { kind: 'tcp', host: '::1', port: 6379 },
      access: {
        username: 'monitor',
        passwordFile: '/p',
        tls: { caFile: '/ca', certFile: '/c', keyFile: '/k', servername: 'redis.internal' },
      },
      timeoutMs: 1_500,
      instancesMax: 64,
      addressMap: {},
    });
    assert.ok(two?.kind === 'sentinel');
    assert.equal(two.masterName, 'mymaster');
    assert.equal(two.sentinelAccess.passwordFile, '/s');
    assert.equal(two.timeoutMs, 800);
    assert.ok(three?.kind === 'cluster');
    assert.equal(three.instancesMax, 8);
    assert.deepEqual(three.addressMap, { '10.0.0.1:7000': 'a:7001' });
  });

  it('takes an empty tls for "TLS with the runtime’s authorities"', () => {
    const [target] = parseCacheTargets(
      "targets: [{ name: a, kind: standalone, address: 'a:1', tls: {} }]",
    );
    assert.deepEqual(target?.access.tls, {
      caFile: null,
      certFile: null,
      keyFile: null,
      servername: null,
    });
  });

  it('names every fault of every target at once', () => {
    const faults = faultsOf(`
targets:
  - { name: Bad_Name, kind: standalone, address: '127.0.0.1', timeout: 800 }
  - { name: two, kind: sentinel, sentinels: [], colour: red, username: u }
  - { name: two, kind: cluster, seeds: ['a:99999', 7], instancesMax: 0 }
  - { name: four, kind: memcached }
  - { name: five, kind: standalone, address: 'a:1', socket: /s, tls: { cert: /c } }
more: 1
`);
    for (const expected of [
      'more: is not a known field',
      'targets[0].name: must be 1 to 63 characters of [a-z0-9-]',
      'targets[0].address: must be host:port or [v6]:port',
      'targets[0].timeout: must be a duration with its unit (800ms, 2s) from 10ms to 60000ms',
      'targets[1].colour: is not a known field',
      'targets[1].sentinels: must be a list with at least one item',
      'targets[1].master: is required',
      'targets[1].passwordFile: is required with username',
      'targets[2].name: is taken by targets[1]',
      'targets[2].seeds[0]: must be host:port or [v6]:port',
      'targets[2].seeds[1]: must be host:port or [v6]:port',
      'targets[2].instancesMax: must be a whole number from 1 to 1024',
      'targets[3].kind: must be one of standalone, sentinel, cluster',
      'targets[4]: needs exactly one of address and socket',
      'targets[4].tls: cert and key belong together',
    ]) {
      assert.ok(faults.includes(expected), `${expected}\n${faults.join('\n')}`);
    }
  });

  it('refuses text that is not YAML, not a mapping, empty, aliased or too long', () => {
    assert.equal(faultsOf('targets: [').length, 1);
    assert.match(faultsOf('- a')[0] ?? '', /must be a mapping/);
    assert.match(faultsOf('')[0] ?? '', /must be a mapping/);
    assert.match(faultsOf('targets: []')[0] ?? '', /at least one item/);
    assert.match(faultsOf('a: &a [1]\ntargets: [*a]')[0] ?? '', /alias/i);
    assert.match(faultsOf(' '.repeat(300_000))[0] ?? '', /longer than/);
    assert.match(faultsOf('targets: [1, null]')[0] ?? '', /must be a mapping/);
  });

  it('refuses more targets than the maximum', () => {
    const one = (at: number): string => `{ name: t${at}, kind: standalone, address: 'a:1' }`;
    const many = Array.from({ length: 33 }, (_, at) => one(at)).join(', ');
    assert.deepEqual(faultsOf(`targets: [${many}]`), ['targets: has more than 32 items']);
  });
});
