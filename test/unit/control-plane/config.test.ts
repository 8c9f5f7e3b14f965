import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, parseConfig } from '../../../control-plane/config.ts';
import { Secret } from '../../../control-plane/setting-values.ts';

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    parseConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
};

describe('parseConfig', () => {
  it('gives a whole configuration without any variable', () => {
    const config = parseConfig({});
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 7400 });
    assert.equal(config.tickIntervalMs, 15_000);
    assert.equal(config.databaseUrl, null);
    assert.equal(config.localProcess.enabled, false);
    assert.equal(config.spoolBytesMax, 256 * 1_048_576);
  });

  it('takes a Docker engine behind a socket or a port, and nothing that is neither', () => {
    const engineOf = (url: string) => parseConfig({ OMNIMIND_DOCKER_URL: url }).dockerEngine;
    assert.equal(parseConfig({}).dockerEngine, null);
    assert.deepEqual(engineOf('unix:///var/run/docker.sock'), {
      ...{ kind: 'socket', path: '/var/run/docker.sock' },
    });
    const tcp = { kind: 'url', protocol: 'http', host: 'docker-proxy' };
    assert.deepEqual(engineOf('http://docker-proxy:80'), { ...tcp, port: 80 });
    assert.deepEqual(engineOf('http://docker-proxy/'), { ...tcp, port: 2375 });
    const tls = { kind: 'url', protocol: 'https', host: 'engine.example', port: 2376 };
    assert.deepEqual(engineOf('https://engine.example'), tls);
    for (const url of [
      ...['unix://docker.sock', 'unix:///', 'tcp://x:1', 'http://', 'http://x:99999'],
      ...['http://user@x', 'http://x/v1.43', '/var/run/docker.sock'],
    ]) {
      const [problem = '', ...others] = problemsOf({ OMNIMIND_DOCKER_URL: url });
      assert.match(problem, /^OMNIMIND_DOCKER_URL: expected unix:\/\/\/var\/run\/docker\.sock, or/);
      assert.deepEqual(others, []);
    }
  });

  it('has the targets that scale elsewhere off until they are named', () => {
    const { dockerEngine, kubernetes, nomad, webhook } = parseConfig({});
    assert.deepEqual([dockerEngine, kubernetes, nomad, webhook], [null, null, null, null]);
  });

  it('takes Kubernetes from inside the cluster or by a kubeconfig file', () => {
    const inCluster = parseConfig({ OMNIMIND_KUBERNETES: 'in-cluster' }).kubernetes;
    assert.deepEqual(inCluster, {
      access: { kind: 'in_cluster' },
      namespaces: ['default'],
      kinds: [
        { apiVersion: 'apps/v1', resource: 'Deployment' },
        { apiVersion: 'apps/v1', resource: 'StatefulSet' },
      ],
    });
    withFile('apiVersion: v1', (path) => {
      const named = parseConfig({
        OMNIMIND_KUBERNETES: path,
        OMNIMIND_KUBERNETES_CONTEXT: 'prod',
        OMNIMIND_KUBERNETES_NAMESPACES: 'serving, batch',
        OMNIMIND_KUBERNETES_KINDS: 'v1/Pod,serving.example.org/v1beta1/Fleet',
      }).kubernetes;
      assert.deepEqual(named, {
        access: { kind: 'kubeconfig', path, context: 'prod' },
        namespaces: ['serving', 'batch'],
        kinds: [
          { apiVersion: 'v1', resource: 'Pod' },
          { apiVersion: 'serving.example.org/v1beta1', resource: 'Fleet' },
        ],
      });
    });
    for (const [environment, problem] of [
      [{ OMNIMIND_KUBERNETES: '/nowhere' }, /^OMNIMIND_KUBERNETES: ENOENT/],
      [{ OMNIMIND_KUBERNETES: tmpdir() }, /^OMNIMIND_KUBERNETES: .* is not a file/],
      [
        { OMNIMIND_KUBERNETES_NAMESPACES: 'a,,b' },
        /^OMNIMIND_KUBERNETES_NAMESPACES: expected names/,
      ],
      [{ OMNIMIND_KUBERNETES_NAMESPACES: 'a,a' }, /twice/],
      [{ OMNIMIND_KUBERNETES_KINDS: 'Deployment' }, /^OMNIMIND_KUBERNETES_KINDS: expected group/],
      [{ OMNIMIND_KUBERNETES_CONTEXT: 'x' }, /CONTEXT: give OMNIMIND_KUBERNETES with it/],
      [
        { OMNIMIND_KUBERNETES: 'in-cluster', OMNIMIND_KUBERNETES_CONTEXT: 'x' },
        /CONTEXT: in-cluster has no contexts/,
      ],
    ] as const) {
      const [first = '', ...others] = problemsOf(environment);
      assert.match(first, problem);
      assert.deepEqual(others, []);
    }
  });

  it('takes Nomad by its URL, with the files that belong to it', () => {
    withFile('0c2f1b3e-token', (tokenFile) => {
      const { nomad } = parseConfig({
        OMNIMIND_NOMAD_URL: 'https://nomad.example:4646/',
        OMNIMIND_NOMAD_TOKEN_FILE: tokenFile,
        OMNIMIND_NOMAD_NAMESPACES: 'serving',
        OMNIMIND_NOMAD_VARIABLES_NAMESPACE: 'ops',
      });
      assert.deepEqual(nomad, {
        address: 'https://nomad.example:4646',
        tokenFile,
        tls: { caFile: null, certificateFile: null, keyFile: null },
        namespaces: ['serving'],
        variablesNamespace: 'ops',
      });
      const alone = problemsOf({ OMNIMIND_NOMAD_TOKEN_FILE: tokenFile });
      assert.deepEqual(alone, [
        'OMNIMIND_NOMAD_TOKEN_FILE: give OMNIMIND_NOMAD_URL with it, or unset it',
      ]);
    });
    for (const url of ['nomad:4646', 'http://x/v1', 'http://x?a=b', 'http://u:p@x']) {
      const [problem = '', ...others] = problemsOf({ OMNIMIND_NOMAD_URL: url });
      assert.match(problem, /^OMNIMIND_NOMAD_URL: expected/);
      assert.ok(!problem.includes('u:p'));
      assert.deepEqual(others, []);
    }
    const half = problemsOf({
      OMNIMIND_NOMAD_URL: 'http://x',
      OMNIMIND_NOMAD_CERT_FILE: '/nowhere',
    });
    assert.equal(half.length, 2);
    assert.match(half.join('\n'), /give it together with OMNIMIND_NOMAD_KEY_FILE/);
  });

  it('takes webhooks by the directory of their secrets', () => {
    const directory = tmpdir();
    const { webhook } = parseConfig({ OMNIMIND_WEBHOOK_SECRETS_DIR: directory });
    assert.deepEqual(webhook, { secretsDirectory: directory, caFile: null });
    withFile('no certificate', (path) => {
      assert.match(problemsOf({ OMNIMIND_WEBHOOK_SECRETS_DIR: path }).join(), /is not a directory/);
      const both = { OMNIMIND_WEBHOOK_SECRETS_DIR: directory, OMNIMIND_WEBHOOK_CA_FILE: path };
      assert.match(problemsOf(both).join(), /expected a certificate in PEM/);
    });
    assert.match(
      problemsOf({ OMNIMIND_WEBHOOK_SECRETS_DIR: '/nowhere' }).join(),
      /^OMNIMIND_WEBHOOK_SECRETS_DIR: ENOENT/,
    );
  });

  it('names every wrong setting at once', () => {
    const problems = problemsOf({
      OMNIMIND_LISTEN: 'nowhere',
      OMNIMIND_TICK_INTERVAL: '15',
      OMNIMIND_PROMETHEUS_URL: 'ftp://x',
      OMNIMIND_LOCAL_PROCESS: 'yes',
      OMNIMIND_LOCAL_PROCESS_PORTS: '30-20',
      OMNIMIND_SNAPSHOT_ENTRIES: '-1',
      OMNIMIND_MEMBER_ID: 'Member 1',
      OMNIMIND_DATABASE_URL: 'mysql://x',
      OMNIMIND_TICK_INTERVALL: '15s',
    });
    assert.equal(problems.length, 9, problems.join('\n'));
  });

  it('reads an IPv6 address', () => {
    assert.deepEqual(parseConfig({ OMNIMIND_LISTEN: '[::1]:80' }).listen, {
      host: '::1',
      port: 80,
    });
  });

  it('holds durations against each other', () => {
    const [problem] = problemsOf({ OMNIMIND_NODE_STALE_AFTER: '5s' });
    assert.match(problem ?? '', /OMNIMIND_NODE_STALE_AFTER: must be longer than/);
    const [late] = problemsOf({ OMNIMIND_TICK_INTERVAL: '2s' });
    assert.match(late ?? '', /OMNIMIND_PROMETHEUS_TIMEOUT: must be shorter than/);
  });

  it('names a secret file that is not there', () => {
    const [problem] = problemsOf({ OMNIMIND_DATABASE_URL_FILE: '/nowhere/url' });
    assert.match(problem ?? '', /^OMNIMIND_DATABASE_URL_FILE: .*no such file/);
  });

  it('puts the password of a file into the URL of the database, whatever is in it', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'config-test-')), 'password');
    writeFileSync(file, 'a/b?c#d@e:%25 ü\n');
    const config = parseConfig({
      OMNIMIND_DATABASE_URL: 'postgres://omnimind@db:5432/decisions?sslmode=require',
      OMNIMIND_DATABASE_PASSWORD_FILE: file,
    });
    const url = new URL(config.databaseUrl?.reveal() ?? '');
    assert.equal(decodeURIComponent(url.password), 'a/b?c#d@e:%25 ü');
    assert.deepEqual(
      [url.username, url.host, url.pathname, url.search],
      ['omnimind', 'db:5432', '/decisions', '?sslmode=require'],
    );
    rmSync(dirname(file), { recursive: true });
  });

  it('refuses a password without a URL, beside another one, and from a file that is not there', () => {
    const file = 'package.json';
    assert.match(
      problemsOf({ OMNIMIND_DATABASE_PASSWORD_FILE: file }).join(),
      /^OMNIMIND_DATABASE_PASSWORD_FILE: give OMNIMIND_DATABASE_URL with it$/,
    );
    const twice = {
      OMNIMIND_DATABASE_URL: 'postgres://a:b@c/d',
      OMNIMIND_DATABASE_PASSWORD_FILE: file,
    };
    const problems = problemsOf(twice).join();
    assert.match(problems, /^OMNIMIND_DATABASE_PASSWORD_FILE: the URL .* has a password already$/);
    const absent = {
      OMNIMIND_DATABASE_URL: 'postgres://c/d',
      OMNIMIND_DATABASE_PASSWORD_FILE: '/no',
    };
    assert.match(problemsOf(absent).join(), /^OMNIMIND_DATABASE_PASSWORD_FILE: .*no such file/);
    // What is wrong with the URL is said, and nothing follows from it.
    const wrong = { OMNIMIND_DATABASE_URL: 'mysql://x', OMNIMIND_DATABASE_PASSWORD_FILE: file };
    assert.equal(problemsOf(wrong).length, 1);
  });

  it('leaves the agent’s settings to the agent', () => {
    assert.deepEqual(problemsOf({ OMNIMIND_AGENT_LISTEN: '127.0.0.1:1' }), []);
  });

  it('does not show a secret unless asked', () => {
    const secret = new Secret('postgres://u:hunter2@h/d');
    assert.equal(JSON.stringify({ secret }), '{"secret":"[redacted]"}');
    assert.equal(String(secret), '[redacted]');
    assert.equal(secret.reveal(), 'postgres://u:hunter2@h/d');
  });
});

function withFile(text: string, use: (path: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'omnimind-config-'));
  try {
    const path = join(directory, 'file');
    writeFileSync(path, text);
    use(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
