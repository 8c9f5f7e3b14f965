import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../../../control-plane/config.ts';
import type { Config } from '../../../control-plane/config.ts';
import { isLoopback } from '../../../control-plane/http/loopback.ts';
import { exposedCredentials } from '../../../control-plane/prometheus-config.ts';

type Settings = Readonly<Record<string, string>>;
const PREFIX = 'OMNIMIND_PROMETHEUS_';

const environmentOf = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${PREFIX}${name}`, value]));
const parse = (settings: Settings): Config['prometheus'] =>
  parseConfig(environmentOf(settings)).prometheus;
const problemsOf = (settings: Settings): readonly string[] => {
  try {
    parse(settings);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.doesNotMatch(error.message, /hunter2/);
    return error.problems;
  }
  return [];
};

describe('the settings of the metrics source', () => {
  let directory: string;
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'omnimind-config-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it('send a tenant beside the other headers, to a path behind a gateway', () => {
    const { headers, baseUrl } = parse({
      URL: 'https://mimir.example/prometheus?dedup=false',
      TENANT: 'team-a|team-b',
      HEADERS: 'X-Trace-Me=yes',
    });
    assert.deepEqual(headers, { 'X-Trace-Me': 'yes', 'X-Scope-OrgID': 'team-a|team-b' });
    assert.equal(baseUrl, 'https://mimir.example/prometheus?dedup=false');
  });

  it('take files that hold what they should', () => {
    const tokenFile = file('token', 'hunter2-token\n');
    assert.equal(parse({ TOKEN_FILE: tokenFile }).tokenFile, tokenFile);
    const headersFile = file('headers', 'X-Api-Key: hunter2\n');
    assert.equal(parse({ HEADERS_FILE: headersFile }).headersFile, headersFile);
    const basicAuthFile = file('basic', 'reader:hunter2\n');
    assert.equal(parse({ BASIC_AUTH_FILE: basicAuthFile }).basicAuthFile, basicAuthFile);
  });

  const wrong: readonly (readonly [title: string, () => Settings, RegExp])[] = [
    [
      'a token file that is not there',
      () => ({ TOKEN_FILE: '/nowhere' }),
      /TOKEN_FILE: .*no such file.*\/nowhere.*; mend/,
    ],
    ['an empty token file', () => ({ TOKEN_FILE: file('empty', '\n') }), /TOKEN_FILE: .*empty/],
    [
      'a file without headers',
      () => ({ HEADERS_FILE: file('h', 'hunter2') }),
      /HEADERS_FILE: .*line 1/,
    ],
    [
      'a password without a user',
      () => ({ BASIC_AUTH_FILE: file('b', 'hunter2') }),
      /BASIC_AUTH_FILE: .*user:password/,
    ],
    ['a header of the connection', () => ({ HEADERS: 'Host=hunter2' }), /HEADERS: Host belongs/],
    [
      'a secret in the environment',
      () => ({ HEADERS: 'authorization=hunter2' }),
      /HEADERS: Authorization is a secret.*TOKEN_FILE/,
    ],
    ['a tenant twice', () => ({ HEADERS: 'x-scope-orgid=a', TENANT: 'b' }), /TENANT: .*keep one/],
    ['a tenant of other characters', () => ({ TENANT: 'a b' }), /TENANT: expected names/],
    [
      'a token and a password',
      () => ({ TOKEN_FILE: file('t', 'hunter2'), URL: 'https://u:hunter2@x' }),
      /TOKEN_FILE and a user in OMNIMIND_PROMETHEUS_URL: .*keep one/,
    ],
    [
      'a URL of something else',
      () => ({ URL: 'redis://u:hunter2@x' }),
      /URL: expected an http:.*…@x/,
    ],
    ['a URL with a fragment', () => ({ URL: 'http://x/#a' }), /URL: expected a URL without #/],
    [
      'an authority that is no certificate',
      () => ({ URL: 'https://x', CA_FILE: file('ca', 'hunter2') }),
      /CA_FILE: .*certificate in PEM/,
    ],
    [
      'a key that is none',
      () => ({ URL: 'https://x', KEY_FILE: file('k', 'hunter2') }),
      /KEY_FILE: .*private key in PEM/,
    ],
    [
      'a certificate without its key',
      () => ({ URL: 'https://x', KEY_FILE: file('key', newKey()) }),
      /CERT_FILE: give it together/,
    ],
    [
      'a server name over http',
      () => ({ SERVER_NAME: 'mimir.example' }),
      /URL: http:\/\/ has no certificates/,
    ],
    [
      'a server name with a port',
      () => ({ URL: 'https://x', SERVER_NAME: 'mimir:443' }),
      /SERVER_NAME: expected a name/,
    ],
  ];
  for (const [title, settings, problem] of wrong) {
    it(`refuse ${title}`, () => {
      const problems = problemsOf(settings());
      assert.ok(
        problems.some((line) => problem.test(line) && line.includes(PREFIX)),
        problems.join('\n'),
      );
    });
  }

  it('warn of credentials that go over the network in clear, and of no others', () => {
    const warningOf = (settings: Settings) => exposedCredentials(parse(settings), isLoopback);
    const token = { TOKEN_FILE: file('token', 'hunter2') };
    const secretHeaders = { HEADERS_FILE: file('headers', 'X-Api-Key: hunter2') };
    assert.match(warningOf({ URL: 'http://mimir', ...token }) ?? '', /TOKEN_FILE can be read/);
    assert.match(
      warningOf({ URL: 'http://u:hunter2@10.0.0.1', ...secretHeaders }) ?? '',
      /HEADERS_FILE and the password in OMNIMIND_PROMETHEUS_URL/,
    );
    assert.doesNotMatch(warningOf({ URL: 'http://u:hunter2@mimir' }) ?? '', /hunter2/);
    for (const url of [
      'https://mimir',
      'http://127.0.0.1:9090',
      'http://[::1]',
      'http://localhost',
    ]) {
      assert.equal(warningOf({ URL: url, ...token }), null, url);
    }
    assert.equal(warningOf({ URL: 'http://mimir', TENANT: 'a' }), null);
  });
});

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
