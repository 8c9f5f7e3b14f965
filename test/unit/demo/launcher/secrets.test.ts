import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseApiKeys } from '../../../../control-plane/http/api-keys.ts';
import { describeSecrets, ensureSecrets, SECRETS } from '../../../../demo/launcher/secrets.ts';
import type { MakeKey, SecretsReport } from '../../../../demo/launcher/secrets.ts';
import { ROOT } from '../../../support/source-tree.ts';

describe('the secrets of the stack', function () {
  this.timeout(30_000);
  let root = '';

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'secrets-test-'));
    symlinkSync(join(ROOT, 'control-plane'), join(root, 'control-plane'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** As fast as a test wants it; one test below has the keys made by the control plane's own program. */
  const pretend: MakeKey = (_, name, role, keyFile) => {
    appendFileSync(keyFile, `- ${name} ${role}\n`);
    return `key of ${name}`;
  };
  const ensure = (): SecretsReport => ensureSecrets(root, pretend);
  const read = (name: string): string => readFileSync(join(root, '.secrets', name), 'utf8');
  const modeOf = (...path: string[]): number => statSync(join(root, ...path)).mode & 0o777;

  it('are made once: what is there is never written over, what is missing is added', () => {
    const first = ensure();
    assert.deepEqual(
      first.made,
      SECRETS.map(({ name }) => name),
    );
    const before = new Map(first.made.map((name) => [name, read(name)]));
    rmSync(join(root, '.secrets', 'redis-password'));
    rmSync(join(root, '.secrets', 'api-key-viewer'));
    assert.deepEqual(ensure().made, ['redis-password', 'api-key-viewer']);
    for (const [name, text] of before) {
      const isNew = name === 'redis-password' || name === 'api-key-viewer';
      assert.equal(read(name) === text, !isNew, name);
    }
    assert.deepEqual(ensure().made, []);
    const left = readdirSync(join(root, '.secrets')).filter((name) => name.startsWith('.'));
    assert.deepEqual(left, []);
  });

  it('lie in a folder for this user alone, readable for whichever user a container has', () => {
    mkdirSync(join(root, '.secrets'), { mode: 0o755 });
    writeFileSync(join(root, '.secrets', 'slack-webhook-url'), 'https://hooks.example/x');
    chmodSync(join(root, '.secrets', 'slack-webhook-url'), 0o600);
    ensure();
    assert.equal(modeOf('.secrets'), 0o700);
    for (const name of readdirSync(join(root, '.secrets'))) {
      assert.equal(modeOf('.secrets', name), 0o644, name);
    }
    assert.equal(read('slack-webhook-url'), 'https://hooks.example/x');
  });

  it('hold 256 random bits each, and keys that the control plane knows by their hashes', () => {
    const { made } = ensureSecrets(root);
    const random = made.filter((name) => name.endsWith('password') || name === 'cluster-secret');
    assert.equal(new Set(random.map(read)).size, 6);
    for (const name of random) assert.match(read(name), /^[A-Za-z0-9_-]{43}\n$/, name);
    const keys = parseApiKeys(read('api-keys'));
    const roles = ['viewer', 'agent', 'operator', 'admin'].map(
      (name) => keys.find(read(`api-key-${name}`).trim())?.role,
    );
    assert.deepEqual(roles, ['viewer', 'operator', 'operator', 'admin']);
  });

  it('are told by place, never by value, with those that lead nowhere yet', () => {
    const report = ensure();
    const told = describeSecrets(report).join('\n');
    assert.ok(told.includes(join(root, '.secrets')));
    for (const { name } of SECRETS) {
      assert.ok(told.includes(name), name);
      assert.ok(!told.includes(read(name).trim()), `the value of ${name} is shown`);
    }
    assert.deepEqual(report.unset, ['slack-webhook-url', 'pagerduty-routing-key']);
    writeFileSync(join(root, '.secrets', 'slack-webhook-url'), 'https://hooks.example/x\n');
    assert.deepEqual(ensure().unset, ['pagerduty-routing-key']);
  });

  it('are refused as a whole when the hashes of keys are gone that are still there', () => {
    ensure();
    rmSync(join(root, '.secrets', 'api-keys'));
    rmSync(join(root, '.secrets', 'redis-password'));
    assert.throws(() => ensure(), /api-keys is gone, .*put it back, or delete those too/);
    assert.ok(!readdirSync(join(root, '.secrets')).includes('redis-password'));
  });
});
