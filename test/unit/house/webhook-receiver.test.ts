import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { digestOf, signatureHeaders } from '../../../control-plane/adapters/webhook/signature.ts';
import { fileAt } from '../../support/source-tree.ts';

type IsFromPlane = (
  request: { method: string; url: string; headers: Record<string, string> },
  body: Buffer,
  secrets: readonly string[],
) => boolean;

const SECRET = 'a secret of more than thirty-two characters';

/** The code that README gives to whoever writes a receiver. */
async function readmeCheck(): Promise<IsFromPlane> {
  const code = /```js\n(import[\s\S]*?isFromPlane[\s\S]*?)```/u.exec(fileAt('README.md').text)?.[1];
  assert.ok(code !== undefined, 'README has the check');
  const url = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
  const loaded = (await import(url)) as { readonly isFromPlane: IsFromPlane };
  return loaded.isFromPlane;
}

function signed(method: 'GET' | 'PUT', body: Buffer, atMs = Date.now()) {
  const own: Record<string, string> =
    method === 'GET'
      ? {}
      : {
          'content-digest': digestOf(body),
          'content-type': 'application/json',
          'idempotency-key': 'k1',
        };
  const target = '/scale?team=a';
  const message = { method, authority: 'receiver.example:8443', target, headers: own };
  const key = { id: 'k', key: createSecretKey(Buffer.from(SECRET)) };
  const signature = signatureHeaders(message, key, Math.floor(atMs / 1_000));
  const headers = { host: 'receiver.example:8443', ...own, ...signature };
  return { method, url: target, headers };
}

describe('the receiver’s check in README', () => {
  const body = Buffer.from('{"replicas":3}');

  it('accepts what the plane signs, with a body and without', async () => {
    const check = await readmeCheck();
    assert.equal(check(signed('PUT', body), body, ['another secret', SECRET]), true);
    assert.equal(check(signed('GET', Buffer.alloc(0)), Buffer.alloc(0), [SECRET]), true);
  });

  it('refuses another body, path, method, secret, and an age beyond its window', async () => {
    const check = await readmeCheck();
    const request = signed('PUT', body);
    assert.equal(check(request, Buffer.from('{"replicas":9}'), [SECRET]), false);
    assert.equal(check({ ...request, url: '/scale?team=b' }, body, [SECRET]), false);
    assert.equal(check({ ...request, method: 'POST' }, body, [SECRET]), false);
    assert.equal(check(request, body, ['another secret']), false);
    assert.equal(check(signed('PUT', body, Date.now() - 400_000), body, [SECRET]), false);
  });
});
