import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { parseSecrets } from '../../../../../control-plane/adapters/webhook/secrets.ts';
import {
  digestOf,
  macOf,
  signatureBase,
  signatureHeaders,
} from '../../../../../control-plane/adapters/webhook/signature.ts';
import { fence, verifyRequest } from '../../../../../control-plane/adapters/webhook/verify.ts';
import type { ReceivedMessage } from '../../../../../control-plane/adapters/webhook/verify.ts';

const NEW = 'n'.repeat(32);
const OLD = 'o'.repeat(32);
const [NEW_KEY] = parseSecrets('scaling', NEW);
const [OLD_KEY] = parseSecrets('scaling', OLD);
const NOW_MS = 1_700_000_000_000;

describe('a signature', () => {
  it('is that of the example in RFC 9421, B.2.5', () => {
    const secret =
      'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==';
    const key = createSecretKey(Buffer.from(secret, 'base64'));
    const parameters =
      '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"';
    const message = {
      method: 'POST',
      authority: 'example.com',
      target: '/foo?param=Value&Pet=dog',
      headers: { date: 'Tue, 20 Apr 2021 02:07:55 GMT', 'content-type': 'application/json' },
    };
    const base = signatureBase(message, ['date', '@authority', 'content-type'], parameters);
    assert.equal(
      macOf(base, key).toString('base64'),
      'pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=',
    );
  });

  it('is made over what RFC 9421, 2.2 says of a request: authority in small letters, a query of ? for none', () => {
    const of = (target: string) =>
      signatureBase(
        { method: 'GET', authority: 'Example.COM:8080', target, headers: {} },
        ['@method', '@authority', '@path', '@query'],
        '()',
      ).split('\n');
    const head = ['"@method": GET', '"@authority": example.com:8080'];
    const tail = '"@signature-params": ()';
    assert.deepEqual(of('/a'), [...head, '"@path": /a', '"@query": ?', tail]);
    assert.deepEqual(of('/a?b=c?d'), [...head, '"@path": /a', '"@query": ?b=c?d', tail]);
  });
});

describe('verifying a request', () => {
  it('takes what was signed with any of the secrets, and says with which', () => {
    const keys = parseSecrets('receiver', `${NEW}\n${OLD}`);
    for (const [signer, index] of [
      [NEW_KEY, 0],
      [OLD_KEY, 1],
    ] as const) {
      for (const message of [put(signer), get(signer)]) {
        const verified = verifyRequest(message, { keys, nowMs: NOW_MS });
        assert.equal(verified.kind, 'verified');
        assert.ok('keyId' in verified && verified.keyId === keys[index]?.id);
      }
    }
  });

  it('refuses what was signed with another secret', () => {
    assert.deepEqual(refusal(put(OLD_KEY)), 'signature_wrong');
    assert.deepEqual(refusal(get(OLD_KEY)), 'signature_wrong');
  });

  it('holds for 300 s to either side of its own clock, and not for one longer', () => {
    const at = (seconds: number) => refusal(put(), NOW_MS + seconds * 1_000);
    assert.deepEqual([-301, -300, 0, 300, 301].map(at), [
      'signature_from_future',
      null,
      null,
      null,
      'signature_too_old',
    ]);
  });

  const changed: readonly (readonly [string, (message: ReceivedMessage) => ReceivedMessage])[] = [
    ['another method', (message) => ({ ...message, method: 'POST' })],
    ['another host', (message) => ({ ...message, authority: 'other.example' })],
    ['another path', (message) => ({ ...message, target: '/workloads/b?v=1' })],
    ['another query', (message) => ({ ...message, target: '/workloads/a?v=2' })],
    ['no query', (message) => ({ ...message, target: '/workloads/a' })],
    ['another idempotency key', (message) => withHeader(message, 'idempotency-key', '"b"')],
    ['another type', (message) => withHeader(message, 'content-type', 'text/plain')],
    [
      'another digest',
      (message) => withHeader(message, 'content-digest', digestOf(Buffer.from('x'))),
    ],
    [
      'a later date',
      (message) => replaced(message, 'signature-input', /created=\d+/, 'created=1700000001'),
    ],
    ['another key id', (message) => replaced(message, 'signature-input', /keyid="/, 'keyid="x')],
    ['a header less', (message) => withHeader(message, 'idempotency-key', undefined)],
  ];
  for (const [what, change] of changed) {
    it(`refuses a request that has ${what} than what was signed`, () => {
      assert.equal(refusal(change(put())), 'signature_wrong');
    });
  }

  it('refuses another body under the digest that was signed', () => {
    const message = put();
    assert.equal(refusal({ ...message, body: Buffer.from('{}') }), 'digest_wrong');
    assert.equal(refusal({ ...message, body: Buffer.alloc(0) }), 'digest_wrong');
  });

  it('refuses a command that has the signature of a question, and a question with a body', () => {
    const question = get();
    assert.equal(refusal({ ...question, method: 'PUT' }), 'signature_covers_too_little');
    const withBody = { ...question, body: Buffer.from('{}') };
    assert.equal(refusal(withBody), 'signature_covers_too_little');
  });

  it('refuses a signature that leaves out what it has to cover', () => {
    for (const name of ['@method', '@authority', '@path', '@query', 'content-digest']) {
      const less = replaced(put(), 'signature-input', new RegExp(`"${name}" ?`), '');
      assert.equal(refusal(less), 'signature_covers_too_little', name);
    }
  });

  it('says what is not there and what is no signature', () => {
    for (const name of ['signature', 'signature-input']) {
      assert.equal(refusal(withHeader(put(), name, undefined)), 'signature_missing');
      for (const wrong of ['', 'omnimind=', 'other=:AAAA:', 'omnimind=();created=x', '=,;"']) {
        assert.equal(refusal(withHeader(put(), name, wrong)), 'signature_malformed', wrong);
      }
    }
    const noDate = replaced(put(), 'signature-input', /;created=\d+/, '');
    assert.equal(refusal(noDate), 'signature_malformed');
    const other = replaced(put(), 'signature-input', /hmac-sha256/, 'ed25519');
    assert.equal(refusal(other), 'signature_malformed');
    const use = replaced(put(), 'signature-input', /omnimind-webhook-1/, 'other');
    assert.equal(refusal(use), 'signature_malformed');
    const twice = replaced(put(), 'signature-input', /"@path"/, '"@path" "@path"');
    assert.equal(refusal(twice), 'signature_malformed');
  });

  it('finds its signature among others', () => {
    const message = put();
    const among = (name: string): ReceivedMessage['headers'][string] =>
      `first=:AAAA:, ${String(message.headers[name])}, last=:AAAA:`;
    const headers = {
      ...message.headers,
      signature: among('signature'),
      'signature-input': among('signature-input'),
    };
    assert.equal(refusal({ ...message, headers }), null);
  });

  it('throws at nothing that a request can hold', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string({ unit: 'binary' }), (input, mac, target) => {
        const message = put();
        const headers = { ...message.headers, 'signature-input': input, signature: mac };
        const outcome = verifyRequest(
          { ...message, headers, target },
          { keys: [NEW_KEY], nowMs: NOW_MS },
        );
        assert.equal(outcome.kind, 'refused');
      }),
    );
  });
});

describe('fencing a number', () => {
  const told = (term: number, index: number, owner = 'omnimind') => ({
    owner,
    token: { term, index },
  });

  it('applies the first number, and after it what is newer by term, then by index', () => {
    assert.equal(fence(null, told(0, 0)), 'apply');
    assert.equal(fence(told(2, 5), told(2, 6)), 'apply');
    assert.equal(fence(told(2, 5), told(3, 1)), 'apply');
    assert.equal(fence(told(2, 5), told(2, 5)), 'repeat');
    assert.equal(fence(told(2, 5), told(2, 4)), 'stale_token');
    assert.equal(fence(told(2, 5), told(1, 99)), 'stale_token');
  });

  it('takes numbers of one owner alone, however new the token of another', () => {
    assert.equal(fence(told(2, 5), told(9, 9, 'another')), 'other_owner');
    assert.equal(fence(told(2, 5), told(2, 5, 'another')), 'other_owner');
  });

  it('ends with the newest number, in whatever order and how often they arrive', () => {
    const tokens = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(tokens, (arriving) => {
        let last: ReturnType<typeof told> | null = null;
        for (const [term, index] of arriving) {
          const next = told(term, index);
          if (fence(last, next) === 'apply') last = next;
        }
        const newest = arriving.toSorted(([a, b], [c, d]) => a - c || b - d).at(-1);
        assert.deepEqual(last, told(...(newest ?? [0, 0])));
      }),
    );
  });
});

function put(key = NEW_KEY): ReceivedMessage {
  const body = Buffer.from('{"replicas":3}');
  const headers = {
    'content-digest': digestOf(body),
    'content-type': 'application/json',
    'idempotency-key': '"omnimind/a/1/2/3"',
  };
  const message = {
    ...{ method: 'PUT', authority: 'scaler.example', target: '/workloads/a?v=1' },
    headers,
  };
  const signed = signatureHeaders(message, key, NOW_MS / 1_000);
  return { ...message, headers: { ...headers, ...signed }, body };
}

function get(key = NEW_KEY): ReceivedMessage {
  const message = { method: 'GET', authority: 'scaler.example', target: '/a', headers: {} };
  const headers = signatureHeaders(message, key, NOW_MS / 1_000);
  return { ...message, headers, body: Buffer.alloc(0) };
}

function refusal(message: ReceivedMessage, nowMs = NOW_MS): string | null {
  const outcome = verifyRequest(message, { keys: [NEW_KEY], nowMs });
  return outcome.kind === 'refused' ? outcome.reason : null;
}

function withHeader(
  message: ReceivedMessage,
  name: string,
  value: string | undefined,
): ReceivedMessage {
  return { ...message, headers: { ...message.headers, [name]: value } };
}

function replaced(
  message: ReceivedMessage,
  name: string,
  what: RegExp,
  by: string,
): ReceivedMessage {
  const before = String(message.headers[name]);
  const after = before.replace(what, by);
  assert.notEqual(after, before);
  return withHeader(message, name, after);
}
