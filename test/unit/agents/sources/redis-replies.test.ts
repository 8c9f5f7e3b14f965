import assert from 'node:assert/strict';
import fc from 'fast-check';

import { formatAddress, parseHostPort } from '../../../../agents/sources/redis-endpoint.ts';
import {
  numberOf,
  parseClusterNodes,
  parseFields,
  parsePairs,
  parseSentinelFields,
  sentinelAddress,
} from '../../../../agents/sources/redis-replies.ts';

describe('redis replies', () => {
  it('reads INFO with its line ends, comments and empty values', () => {
    const fields = parseFields(
      '# Server\r\nredis_version:7.0.15\r\nconfig_file:\r\n\r\nbad line\r\n',
    );
    assert.deepEqual(
      [...fields],
      [
        ['redis_version', '7.0.15'],
        ['config_file', ''],
      ],
    );
  });

  it('keeps the colons of a value', () => {
    assert.equal(parseFields('os:Linux: 6.1').get('os'), 'Linux: 6.1');
  });

  it('takes nothing but a finite decimal number for a number', () => {
    const fields = parsePairs('a=1.5,b=nan,c=inf,d=,e=-3,f=12abc,g=1e3,h=0x10');
    const read = 'a b c d e f g h'.split(' ').map((field) => numberOf(fields, field));
    assert.deepEqual(read, [1.5, null, null, null, -3, null, 1000, null]);
    assert.equal(numberOf(fields, 'absent'), null);
  });

  it('reads CLUSTER NODES of every form, and leaves handshakes out', () => {
    const nodes = parseClusterNodes(
      [
        'aaa 10.0.0.1:7000@17000,host-a myself,master - 0 0 1 connected 0-5460',
        'bbb 10.0.0.2:7000@17000 slave aaa 0 1 2 connected',
        'ccc :7003@17003 myself,master - 0 0 3 connected',
        'ddd 2001:db8::1:7004@17004 master,fail? - 0 0 3 connected',
        'eee :0@0 master,noaddr - 0 0 3 disconnected',
        'fff 10.0.0.9:7000@17000 handshake - 0 0 0 connected',
        'cut',
        '',
      ].join('\n'),
      'seed.internal',
    );
    assert.deepEqual(
      nodes.map(({ nodeId, address }) => [
        nodeId,
        address === null ? null : formatAddress(address),
      ]),
      [
        ['aaa', '10.0.0.1:7000'],
        ['bbb', '10.0.0.2:7000'],
        ['ccc', 'seed.internal:7003'],
        ['ddd', '[2001:db8::1]:7004'],
        ['eee', null],
      ],
    );
    assert.deepEqual(nodes[3]?.flags, ['master', 'fail?']);
  });

  it('reads what Sentinel says of an instance', () => {
    const fields = parseSentinelFields(['name', 'm', 'ip', '::1', 'port', '6379', 'odd']);
    assert.ok(fields);
    const address = sentinelAddress(fields);
    assert.ok(address);
    assert.equal(formatAddress(address), '[::1]:6379');
    assert.equal(parseSentinelFields('no list'), null);
    assert.equal(sentinelAddress(new Map()), null);
  });

  it('reads any text without throwing', () => {
    const seed = Date.now() % 2 ** 31;
    const everything = fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
      parseFields(text);
      parsePairs(text);
      parseClusterNodes(text, null);
      parseHostPort(text);
    });
    fc.assert(everything, { seed, numRuns: 300 });
  });

  it('reads back every address that it writes', () => {
    const hosts = fc.constantFrom('127.0.0.1', 'redis.internal', '::1', 'fe80::1%eth0');
    const written = fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      const address = { kind: 'tcp', host, port } as const;
      assert.deepEqual(parseHostPort(formatAddress(address)), address);
    });
    fc.assert(written, { seed: Date.now() % 2 ** 31, numRuns: 100 });
  });

  it('refuses a port out of range and a path', () => {
    for (const text of ['a:0', 'a:65536', 'a', ':1', '/a:1', 'a b:1', '::1:6379']) {
      assert.equal(parseHostPort(text), null, text);
    }
  });
});
