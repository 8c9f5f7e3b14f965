import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ConfigError, parseConfig } from '../../../control-plane/config.ts';
import { isUnspecified } from '../../../control-plane/setting-values.ts';

const MEMBERS = 'b=10.0.0.2:7450,a=10.0.0.1:7450,c=10.0.0.3:7450';

describe('the settings of a cluster', () => {
  let directory = '';
  let secretFile = '';
  let member: Readonly<Record<string, string>> = {};

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'cluster-config-'));
    secretFile = join(directory, 'secret');
    writeFileSync(secretFile, 'sixteen letters!\n');
    member = {
      OMNIMIND_MEMBER_ID: 'a',
      OMNIMIND_CLUSTER_MEMBERS: MEMBERS,
      OMNIMIND_CLUSTER_SECRET_FILE: secretFile,
      OMNIMIND_RAFT_LISTEN: '0.0.0.0:7450',
      OMNIMIND_ADVERTISE_URL: 'http://10.0.0.1:7400',
    };
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const problemsOf = (changes: Readonly<Record<string, string>>): readonly string[] => {
    try {
      parseConfig({ ...member, ...changes });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.problems;
    }
    return [];
  };
  /** One problem, which names the setting first. */
  const assertProblem = (
    changes: Readonly<Record<string, string>>,
    setting: string,
    says: RegExp,
  ): void => {
    const problems = problemsOf(changes);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.ok(problems[0]?.startsWith(`${setting}: `), problems[0]);
    assert.match(problems[0] ?? '', says);
  };

  it('are off by default: a member alone, without a listener, with the usual times', () => {
    const { cluster, raft } = parseConfig({});
    assert.deepEqual(cluster, {
      name: 'omnimind',
      members: null,
      join: false,
      advertiseUrl: 'http://127.0.0.1:7400',
    });
    assert.deepEqual(raft, {
      listen: null,
      advertise: null,
      secret: null,
      tls: { caFile: null, certFile: null, keyFile: null },
      heartbeatIntervalMs: 50,
      electionTimeoutMinMs: 150,
      electionTimeoutMaxMs: 300,
      diskStallMs: 2_000,
    });
  });

  it('name the first voters in one order, and this member’s address by its entry', () => {
    const { cluster, raft } = parseConfig(member);
    assert.deepEqual(cluster.members, [
      { memberId: 'a', address: '10.0.0.1:7450' },
      { memberId: 'b', address: '10.0.0.2:7450' },
      { memberId: 'c', address: '10.0.0.3:7450' },
    ]);
    assert.equal(raft.advertise, '10.0.0.1:7450');
    assert.deepEqual(raft.listen, { host: '0.0.0.0', port: 7450 });
  });

  it('keep the secret from being printed, and cut the blanks off it', () => {
    const config = parseConfig(member);
    assert.equal(config.raft.secret?.reveal(), 'sixteen letters!');
    assert.ok(!JSON.stringify(config).includes('sixteen'));
  });

  it('let a member alone have a listener, so that others can be added later', () => {
    const { cluster, raft } = parseConfig({
      OMNIMIND_CLUSTER_SECRET_FILE: secretFile,
      OMNIMIND_RAFT_LISTEN: '[::1]:7450',
    });
    assert.equal(cluster.members, null);
    assert.equal(raft.advertise, '[::1]:7450');
  });

  it('refuse a secret of fewer than 16 bytes and one that is not there', () => {
    const short = join(directory, 'short');
    writeFileSync(short, '  fifteen letters  \n');
    assertProblem(
      { OMNIMIND_CLUSTER_SECRET_FILE: short },
      'OMNIMIND_CLUSTER_SECRET_FILE',
      /holds 15 bytes; expected at least 16/,
    );
    assertProblem(
      { OMNIMIND_CLUSTER_SECRET_FILE: join(directory, 'none') },
      'OMNIMIND_CLUSTER_SECRET_FILE',
      /no such file/,
    );
  });

  it('need a secret or certificates with a listener', () => {
    assertProblem({ OMNIMIND_CLUSTER_SECRET_FILE: '' }, 'OMNIMIND_CLUSTER_SECRET_FILE', /proves/);
    const tls = {
      OMNIMIND_RAFT_TLS_CA_FILE: '/ca.pem',
      OMNIMIND_RAFT_TLS_CERT_FILE: '/cert.pem',
      OMNIMIND_RAFT_TLS_KEY_FILE: '/key.pem',
    };
    assert.deepEqual(problemsOf({ OMNIMIND_CLUSTER_SECRET_FILE: '', ...tls }), []);
    assertProblem(
      { OMNIMIND_RAFT_TLS_CA_FILE: '/ca.pem', OMNIMIND_RAFT_TLS_KEY_FILE: '/key.pem' },
      'OMNIMIND_RAFT_TLS_CERT_FILE',
      /needs all three/,
    );
  });

  it('need a listener to be in a cluster, or to wait for one', () => {
    assertProblem({ OMNIMIND_RAFT_LISTEN: '' }, 'OMNIMIND_RAFT_LISTEN', /OMNIMIND_CLUSTER_MEMBERS/);
    assertProblem(
      {
        OMNIMIND_CLUSTER_MEMBERS: '',
        OMNIMIND_CLUSTER_JOIN: 'on',
        OMNIMIND_RAFT_LISTEN: '',
      },
      'OMNIMIND_RAFT_LISTEN',
      /OMNIMIND_CLUSTER_JOIN=on/,
    );
  });

  it('do not let one of the first voters wait to be added', () => {
    assertProblem({ OMNIMIND_CLUSTER_JOIN: 'on' }, 'OMNIMIND_CLUSTER_JOIN', /remove one/);
  });

  it('refuse a list that leaves this member out, repeats one, or has no odd number up to seven', () => {
    const list = (count: number): string =>
      Array.from({ length: count }, (_, index) => `m${index}=10.0.0.${index + 1}:7450`).join(',');
    const name = 'OMNIMIND_CLUSTER_MEMBERS';
    assertProblem({ OMNIMIND_MEMBER_ID: 'd' }, name, /does not name this member, d/);
    assertProblem({ [name]: 'a=10.0.0.1:1,a=10.0.0.2:1,c=10.0.0.3:1' }, name, /names a twice/);
    assertProblem({ [name]: 'a=10.0.0.1:1,b=10.0.0.1:1,c=h:1' }, name, /10\.0\.0\.1:1 twice/);
    assertProblem({ [name]: list(2) }, name, /no more failures than 1; name 1 or 3/);
    assertProblem({ [name]: list(6) }, name, /name 5 or 7/);
    assertProblem({ [name]: list(9) }, name, /9 voters; 7 at most/);
    assertProblem({ [name]: 'a=10.0.0.1' }, name, /expected host:port/);
    assertProblem({ [name]: 'A=10.0.0.1:1' }, name, /expected id=host:port/);
    assertProblem({ [name]: 'a=0.0.0.0:7450' }, name, /every address of this host/);
    for (const count of [1, 3, 5, 7]) {
      assert.deepEqual(
        problemsOf({
          [name]: list(count),
          OMNIMIND_MEMBER_ID: 'm0',
        }),
        [],
      );
    }
  });

  it('refuse to advertise what nobody else can reach', () => {
    assertProblem(
      { OMNIMIND_RAFT_ADVERTISE: '0.0.0.0:7450' },
      'OMNIMIND_RAFT_ADVERTISE',
      /every address of this host/,
    );
    assertProblem(
      { OMNIMIND_RAFT_ADVERTISE: '10.0.0.1:0' },
      'OMNIMIND_RAFT_ADVERTISE',
      /port 0 means any port/,
    );
    assertProblem(
      { OMNIMIND_CLUSTER_MEMBERS: '', OMNIMIND_CLUSTER_JOIN: 'on' },
      'OMNIMIND_RAFT_ADVERTISE',
      /OMNIMIND_RAFT_LISTEN \(0\.0\.0\.0:7450\)/,
    );
    assertProblem(
      { OMNIMIND_ADVERTISE_URL: '', OMNIMIND_LISTEN: '[::]:7400' },
      'OMNIMIND_ADVERTISE_URL',
      /OMNIMIND_LISTEN is no address/,
    );
    assertProblem(
      { OMNIMIND_ADVERTISE_URL: 'http://0.0.0.0:7400' },
      'OMNIMIND_ADVERTISE_URL',
      /every address/,
    );
    assertProblem(
      { OMNIMIND_ADVERTISE_URL: 'http://a:7400/v1' },
      'OMNIMIND_ADVERTISE_URL',
      /without a path/,
    );
  });

  it('let a member alone listen on every address: nobody is told of it', () => {
    const { cluster } = parseConfig({ OMNIMIND_LISTEN: '0.0.0.0:7400' });
    assert.equal(cluster.advertiseUrl, null);
  });

  it('want one address of this member, not two', () => {
    assertProblem(
      { OMNIMIND_RAFT_ADVERTISE: '10.9.9.9:7450' },
      'OMNIMIND_RAFT_ADVERTISE',
      /is 10\.9\.9\.9:7450, but OMNIMIND_CLUSTER_MEMBERS says 10\.0\.0\.1:7450/,
    );
  });

  it('hold heartbeat and election timeouts against each other', () => {
    assertProblem(
      { OMNIMIND_RAFT_HEARTBEAT: '51ms' },
      'OMNIMIND_RAFT_ELECTION_MIN',
      /at least \(153ms\)/,
    );
    assertProblem(
      { OMNIMIND_RAFT_ELECTION_MIN: '231ms' },
      'OMNIMIND_RAFT_ELECTION_MAX',
      /at least \(301ms\)/,
    );
    assert.deepEqual(problemsOf({ OMNIMIND_RAFT_ELECTION_MIN: '230ms' }), []);
    assertProblem({ OMNIMIND_RAFT_DISK_STALL: '50ms' }, 'OMNIMIND_RAFT_DISK_STALL', /expected 100/);
  });

  it('are all named at once, and none because of another’s fault', () => {
    const problems = problemsOf({
      OMNIMIND_CLUSTER_NAME: 'Prod 1',
      OMNIMIND_CLUSTER_MEMBERS: 'nonsense',
      OMNIMIND_CLUSTER_JOIN: 'maybe',
      OMNIMIND_CLUSTER_SECRET_FILE: '/nowhere',
      OMNIMIND_RAFT_LISTEN: 'here',
      OMNIMIND_RAFT_ADVERTISE: '::',
      OMNIMIND_RAFT_HEARTBEAT: '1',
      OMNIMIND_RAFT_ELECTION_MIN: '5m',
      OMNIMIND_ADVERTISE_URL: 'a:1',
      OMNIMIND_RAFT_TLS_KEY_FILE: '/key.pem',
    });
    const named = problems.map((problem) => problem.slice(0, problem.indexOf(':')));
    assert.deepEqual(
      named.toSorted(),
      [
        'OMNIMIND_ADVERTISE_URL',
        'OMNIMIND_CLUSTER_JOIN',
        'OMNIMIND_CLUSTER_MEMBERS',
        'OMNIMIND_CLUSTER_NAME',
        'OMNIMIND_CLUSTER_SECRET_FILE',
        'OMNIMIND_RAFT_ADVERTISE',
        'OMNIMIND_RAFT_ELECTION_MIN',
        'OMNIMIND_RAFT_HEARTBEAT',
        'OMNIMIND_RAFT_LISTEN',
        'OMNIMIND_RAFT_TLS_CA_FILE, OMNIMIND_RAFT_TLS_CERT_FILE',
      ].toSorted(),
      problems.join('\n'),
    );
  });

  it('never break on any list of members, and accept none that they cannot give back', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        const environment = { ...member, OMNIMIND_CLUSTER_MEMBERS: text };
        try {
          for (const one of parseConfig(environment).cluster.members ?? []) {
            assert.ok(text.includes(one.memberId));
          }
        } catch (error) {
          assert.ok(error instanceof ConfigError);
        }
      }),
    );
  });

  it('know every way to write no address in particular', () => {
    for (const host of ['0.0.0.0', '::', '[::]', '0', '::0', '*', '0:0:0:0:0:0:0:0']) {
      assert.ok(isUnspecified(host), host);
    }
    for (const host of ['10.0.0.0', '::1', 'localhost', 'plane-0', '0.example']) {
      assert.ok(!isUnspecified(host), host);
    }
  });
});
