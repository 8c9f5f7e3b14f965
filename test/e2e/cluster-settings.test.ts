/**
 * Wrong settings of a cluster, given to the real process: it ends with status 2 before it has opened
 * anything, and says every problem in one line of its own that names the setting. What each setting
 * takes is the configuration's test; this one is about the whole way from the environment to the exit.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { startProcess } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ENDS_WITHIN_MS = 30_000;

interface WrongSettings {
  readonly title: string;
  readonly settings: NodeJS.ProcessEnv;
  /** One line each, in any order. */
  readonly problems: readonly RegExp[];
}

const GOOD = { OMNIMIND_MEMBER_ID: 'a', OMNIMIND_RAFT_LISTEN: '127.0.0.1:17411' };

const WRONG: readonly WrongSettings[] = [
  {
    title: 'a list of members and waiting to be added at once, without a listener',
    settings: {
      OMNIMIND_MEMBER_ID: 'a',
      OMNIMIND_CLUSTER_MEMBERS: 'a=127.0.0.1:1',
      OMNIMIND_CLUSTER_JOIN: 'on',
    },
    problems: [/^ *OMNIMIND_CLUSTER_JOIN: is on/, /^ *OMNIMIND_RAFT_LISTEN: is needed/],
  },
  {
    title: 'a list that leaves this member out, and no secret',
    settings: { ...GOOD, OMNIMIND_CLUSTER_MEMBERS: 'b=127.0.0.1:1,c=127.0.0.1:2,d=127.0.0.1:3' },
    problems: [
      /^ *OMNIMIND_CLUSTER_MEMBERS: does not name this member, a/,
      /^ *OMNIMIND_CLUSTER_SECRET_FILE: is needed/,
    ],
  },
  {
    title: 'an even number of voters, a secret that is too short, and half of the certificates',
    settings: {
      ...GOOD,
      OMNIMIND_CLUSTER_MEMBERS: 'a=127.0.0.1:1,b=127.0.0.1:2',
      OMNIMIND_CLUSTER_SECRET_FILE: 'SHORT',
      OMNIMIND_RAFT_TLS_CA_FILE: '/nowhere/ca.pem',
    },
    problems: [
      /^ *OMNIMIND_CLUSTER_MEMBERS: .*names 2 voters/,
      /^ *OMNIMIND_CLUSTER_SECRET_FILE: .*16/,
      /OMNIMIND_RAFT_TLS_CERT_FILE, OMNIMIND_RAFT_TLS_KEY_FILE: mutual TLS needs all three/,
    ],
  },
  {
    title:
      'times that would make each late heartbeat an election, and addresses that nobody reaches',
    settings: {
      OMNIMIND_MEMBER_ID: 'a',
      OMNIMIND_CLUSTER_JOIN: 'on',
      OMNIMIND_CLUSTER_SECRET_FILE: 'LONG',
      OMNIMIND_LISTEN: '0.0.0.0:8080',
      OMNIMIND_RAFT_LISTEN: '0.0.0.0:17411',
      OMNIMIND_RAFT_HEARTBEAT: '100ms',
      OMNIMIND_RAFT_ELECTION_MIN: '200ms',
      OMNIMIND_RAFT_ELECTION_MAX: '210ms',
    },
    problems: [
      /^ *OMNIMIND_RAFT_ADVERTISE: is needed/,
      /^ *OMNIMIND_ADVERTISE_URL: is needed/,
      /^ *OMNIMIND_RAFT_ELECTION_MIN: must be 3 times/,
      /^ *OMNIMIND_RAFT_ELECTION_MAX: must be 1\.3 times/,
    ],
  },
];

describe('a control plane with wrong settings of its cluster', function () {
  this.timeout(60_000);
  let home = '';

  before(() => {
    home = mkdtempSync(join(tmpdir(), 'omnimind-settings-'));
    writeFileSync(join(home, 'SHORT'), 'too short', { mode: 0o600 });
    writeFileSync(join(home, 'LONG'), 'a secret that is long enough', { mode: 0o600 });
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  for (const { title, settings, problems } of WRONG) {
    it(`ends with status 2 and names ${title}`, async () => {
      const data = join(home, 'data');
      const secret = settings['OMNIMIND_CLUSTER_SECRET_FILE'];
      const env = {
        PATH: process.env['PATH'],
        OMNIMIND_DATA_DIR: data,
        ...settings,
        ...(secret !== undefined && { OMNIMIND_CLUSTER_SECRET_FILE: join(home, secret) }),
      };
      const entry = join(ROOT, 'control-plane', 'main.ts');
      const running = startProcess(process.execPath, [entry], { cwd: ROOT, env });
      assert.equal(await running.exit(ENDS_WITHIN_MS), 2, running.output());
      const said = running
        .output()
        .split('\n')
        .filter((line) => line.includes('OMNIMIND_'));
      for (const problem of problems) {
        assert.ok(
          said.some((line) => problem.test(line)),
          `${problem.source}\n${running.output()}`,
        );
      }
      assert.equal(said.length, problems.length, running.output());
      assert.ok(!existsSync(data), 'it opened its data directory');
    });
  }
});
