import assert from 'node:assert/strict';
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
