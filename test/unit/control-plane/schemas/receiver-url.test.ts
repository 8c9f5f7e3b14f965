import assert from 'node:assert/strict';
import { lookup } from 'node:dns';
import { guardedLookup } from '../../../../control-plane/adapters/webhook/guarded-lookup.ts';
import { addressFault, receiverUrlFault } from '../../../../control-plane/schemas/receiver-url.ts';

describe('the URL of a receiver', () => {
  it('is http or https, with whatever host, port, path and query', () => {
    for (const url of [
      'https://scaler.example',
      'http://127.0.0.1:8080/workloads/a?tenant=b',
      'http://[::1]:8080/',
      'https://10.0.0.7/',
      'https://[fd00::1]/',
    ]) {
      assert.equal(receiverUrlFault(url), null, url);
    }
  });

  it('is nothing else', () => {
    for (const [url, why] of [
      ['scaler.example', /http:\/\/ or https:\/\//],
      ['file:///etc/passwd', /http:\/\/ or https:\/\//],
      ['gopher://x', /http:\/\/ or https:\/\//],
      ['https://a b/', /http:\/\/ or https:\/\//],
      ['https://user@x/', /without user and password/],
      ['https://:secret@x/', /without user and password/],
      ['https://x/#a', /without #/],
      ['https://x/#', /without #/],
    ] as const) {
      assert.match(receiverUrlFault(url) ?? '', why, url);
    }
  });

  it('has no address of a metadata service, however it is written', () => {
    for (const host of [
      ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376'],
      ...['[::ffff:169.254.169.254]', '[fe80::1]', '[fd00:ec2::254]', '0.0.0.0', '[::]'],
      ...['168.63.129.16', '100.100.100.200', '224.0.0.1', '255.255.255.255'],
    ]) {
      assert.match(receiverUrlFault(`http://${host}/`) ?? '', /no receiver may have/, host);
    }
  });

  it('may be a name, whose addresses are judged when the connection is made', async () => {
    assert.equal(addressFault('localhost'), null);
    assert.match(await failureOf('169.254.169.254'), /169\.254\.169\.254: .*no receiver may have/);
    const mapped = '::ffff:169.254.169.254';
    assert.match(await failureOf(mapped), /no receiver may have/);
    assert.equal(await failureOf('127.0.0.1'), '');
  });

  it('gives all addresses to who asks for all, and otherwise the first', async () => {
    const expected = await new Promise((resolve) => {
      lookup('127.0.0.1', { all: true }, (_, addresses) => resolve(addresses));
    });
    const all = await new Promise((resolve) => {
      guardedLookup('127.0.0.1', { all: true }, (_, addresses) => resolve(addresses));
    });
    assert.deepEqual(all, expected);
    const one = await new Promise((resolve) => {
      guardedLookup('127.0.0.1', {}, (_, address, family) => resolve([address, family]));
    });
    assert.deepEqual(one, ['127.0.0.1', 4]);
  });
});

function failureOf(name: string): Promise<string> {
  return new Promise((resolve) => {
    guardedLookup(name, { all: true }, (error) => resolve(error?.message ?? ''));
  });
}
