/** Members of one host that share its local replicas: who has them when leaders are killed, stopped and resumed. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  findOwned,
  signalProcess,
} from '../../../control-plane/adapters/local-process/processes.ts';
import type { OwnedProcess } from '../../../control-plane/adapters/local-process/processes.ts';
import { pollUntil } from '../../support/process.ts';
import { skipBecause } from '../../support/skip.ts';

const DRIVER = fileURLToPath(new URL('../../support/leadership-driver.ts', import.meta.url));
/** From leadership to having the replicas; the bound of a takeover on an idle machine is 1 s. */
const TAKEOVER_MS = 5000;

interface Told {
  readonly kind: string;
  readonly replicaId?: string;
  readonly failure?: string;
  readonly error?: string;
}

interface Member {
  readonly name: string;
  readonly child: ChildProcess;
  readonly told: () => readonly Told[];
}

describe('the local replicas of members on one host', function () {
  this.timeout(60_000);
  let directory = '';
  let leaderFile = '';
  let term = 0;
  const members: Member[] = [];

  before(function () {
    if (process.platform !== 'linux') skipBecause(this, 'needs /proc');
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-leader-'));
    leaderFile = join(directory, 'leader');
    await elect('nobody');
  });
  afterEach(async () => {
    for (const { child } of members.splice(0)) child.kill('SIGKILL');
    for (const { identity } of await owned()) await signalProcess(identity, 'SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  async function elect(name: string): Promise<void> {
    term += 1;
    await writeFile(leaderFile, `${name} ${term}`);
  }
  async function start(name: string): Promise<Member> {
    const args = [name, join(directory, 'replicas'), leaderFile];
    const stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc')[] = ['ignore', 'pipe', 'inherit', 'ipc'];
    const child = spawn(process.execPath, [DRIVER, ...args], { stdio });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
    const told = (): readonly Told[] =>
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Told);
    const member = { name, child, told };
    members.push(member);
    await pollUntil(`${name} runs`, 10_000, () => told().length > 0);
    return member;
  }
  const owned = async (): Promise<readonly OwnedProcess[]> => {
    const owner = await readFile(join(directory, 'replicas', 'owner'), 'utf8').catch(() => 'none');
    return findOwned(owner.trim());
  };
  const count = (member: Member, kind: string): number =>
    member.told().filter((event) => event.kind === kind).length;
  /** Tells it a number until it takes it: a leader needs a moment to get the directory. */
  const tell = (member: Member, replicas: number) =>
    pollUntil(`${member.name} takes ${replicas}`, TAKEOVER_MS, () => {
      if (count(member, 'told') > 0) return true;
      member.child.send(replicas);
      return false;
    });
  const untilReady = (member: Member, replicas: number) =>
    pollUntil(`${member.name} has ${replicas} ready`, 15_000, () => {
      return count(member, 'ready') >= replicas;
    });
  const startsInJournal = (): number =>
    readFileSync(join(directory, 'replicas', 'journal.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"start"')).length;

  it('are refused to a member that does not lead, and unknown to it', async () => {
    const a = await start('a');
    a.child.send(1);
    await pollUntil('it is refused', 5000, () => count(a, 'refused') === 1);
    assert.equal(a.told().find((event) => event.kind === 'refused')?.failure, 'unavailable');
    assert.deepEqual(await owned(), []);
  });

  it('go over to the next leader as they run when the first loses its leadership', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await elect('a');
    await tell(a, 2);
    await untilReady(a, 2);
    const running = (await owned()).map(({ identity }) => identity.pid);
    const electedAt = performance.now();
    await elect('b');
    await pollUntil('b adopts both', TAKEOVER_MS, () => count(b, 'adopted') === 2);
    const tookMs = performance.now() - electedAt;
    assert.deepEqual(
      (await owned()).map(({ identity }) => identity.pid),
      running,
    );
    assert.equal(startsInJournal(), 2);
    assert.ok(tookMs < TAKEOVER_MS, `${tookMs} ms`);
  });

  it('go over at once when the leader is killed', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await elect('a');
    await tell(a, 2);
    await untilReady(a, 2);
    a.child.kill('SIGKILL');
    await elect('b');
    await pollUntil('b adopts both', TAKEOVER_MS, () => count(b, 'adopted') === 2);
    assert.equal((await owned()).length, 2);
    assert.equal(startsInJournal(), 2);
  });

  it('are not touched by a leader that stood still and comes back when another leads', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await elect('a');
    await tell(a, 2);
    await untilReady(a, 2);
    a.child.kill('SIGSTOP');
    await elect('b');
    // What a would do first when it goes on: start this one anew.
    const [victim] = await owned();
    assert.ok(victim !== undefined);
    await signalProcess(victim.identity, 'SIGKILL');
    const held = () =>
      b.told().some(({ kind, error }) => kind === 'open' && /in use/.test(error ?? ''));
    await pollUntil('b finds the directory held', TAKEOVER_MS, held);
    b.child.send(3);
    await pollUntil('b holds', 5000, () => count(b, 'refused') === 1);
    assert.equal((await owned()).length, 1);
    const startedByA = count(a, 'started');

    const resumedAt = performance.now();
    a.child.kill('SIGCONT');
    await pollUntil('b has the replicas', TAKEOVER_MS, () => count(b, 'adopted') === 1);
    const tookMs = Math.round(performance.now() - resumedAt);
    await untilReady(b, 2);
    assert.equal((await owned()).length, 2);
    assert.equal(count(a, 'started'), startedByA);
    assert.equal(count(b, 'started'), 1, `after ${tookMs} ms`);
    assert.equal(startsInJournal(), 3);
  });

  it('are as many as told however often the leader changes', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await elect('a');
    await tell(a, 2);
    await untilReady(a, 2);
    for (let round = 0; round < 6; round += 1) {
      const next = round % 2 === 0 ? b : a;
      const adopted = count(next, 'adopted');
      await elect(next.name);
      await pollUntil('adopted', TAKEOVER_MS, () => count(next, 'adopted') >= adopted + 2);
    }
    assert.equal((await owned()).length, 2);
    assert.equal(startsInJournal(), 2);
  });
});
