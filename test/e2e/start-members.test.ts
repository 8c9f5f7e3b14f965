/**
 * `npm start -- --members 3` as a person runs it: three real members on one machine that share the
 * replicas and the database. The leader is killed; another leads, the replicas go on, the member comes
 * back; and at the end nothing is left.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { isAlive, processesWithEnvironment } from '../../demo/launcher/process-table.ts';
import type { ProcessEntry } from '../../demo/launcher/process-table.ts';
import { LaunchedRun, urlIn, written } from '../support/launched-run.ts';
import { pollUntil } from '../support/process.ts';
import type { RunningProcess } from '../support/process.ts';
import { skipWithout } from '../support/skip.ts';

const UP_WITHIN_MS = 90_000;

interface MembersView {
  readonly leaderId: string | null;
  readonly term: number;
  readonly items: readonly { readonly id: string; readonly role: string }[];
}

describe('npm start -- --members 3', function () {
  this.timeout(UP_WITHIN_MS + 120_000);
  let run: LaunchedRun | null = null;

  before(function () {
    skipWithout(this, 'prometheus');
    run = new LaunchedRun('start-members-');
  });
  after(() => run?.remove());

  function launched(): LaunchedRun {
    assert.ok(run !== null);
    return run;
  }
  function start(): RunningProcess {
    return launched().start(['--members', '3', '--no-load']);
  }
  async function up(started: RunningProcess): Promise<readonly string[]> {
    await written(started, /leads since term \d+/, UP_WITHIN_MS);
    return [1, 2, 3].map((nth) => urlIn(started.output(), `member-${nth}`));
  }
  /** As the first member that answers for the cluster sees them. */
  async function members(urls: readonly string[]): Promise<MembersView | null> {
    for (const url of urls) {
      const view = await read<MembersView>(`${url}/v1/members`);
      if (view !== null && view.leaderId !== null) return view;
    }
    return null;
  }
  const replicas = (): readonly ProcessEntry[] => {
    const path = join(launched().directory, 'members-3', 'replicas', 'owner');
    const owner = readFileSync(path, 'utf8').trim();
    return processesWithEnvironment('OMNIMIND_REPLICA_OWNER', owner);
  };
  async function stop(started: RunningProcess): Promise<void> {
    const processes = launched().processes();
    const marked = replicas();
    assert.ok(marked.length >= 1);
    await launched().stop(started, 'SIGINT', {
      processes: [...processes, ...marked],
      files: ['lock', 'processes.json'],
    });
  }

  it('survives its leader, and comes back as the same cluster after a stop', async () => {
    const started = start();
    const urls = await up(started);
    const before = await pollUntil('three members', 20_000, async () => {
      const view = await members(urls);
      return view?.items.length === 3 ? view : null;
    });
    const running = await pollUntil('a replica', 30_000, () => replicas()[0]);

    const line = new RegExp(`${before.leaderId ?? ''} \\(pid (\\d+)\\) leads`).exec(
      started.output(),
    );
    const pid = Number(line?.[1]);
    assert.ok(pid > 1, started.output());
    process.kill(pid, 'SIGKILL');
    const after = await pollUntil('another leads', 20_000, async () => {
      const view = await members(urls);
      return view !== null && view.term > before.term ? view : null;
    });
    await pollUntil('the launcher says so', 10_000, () =>
      started.output().includes(`leads since term ${after.term}`),
    );
    assert.match(started.output(), new RegExp(`${before.leaderId ?? ''} ended \\(SIGKILL\\)`));
    await pollUntil('all three answer again', 30_000, async () => {
      const views = await Promise.all(urls.map((url) => read<MembersView>(`${url}/v1/members`)));
      return views.every((view) => view?.leaderId === views[0]?.leaderId && view !== null);
    });
    // The replica was adopted by the next leader, not started anew.
    assert.ok(isAlive(running));
    // Decisions of both leaders are one history, whoever is asked.
    await pollUntil('one history', 60_000, async () => {
      const newest = await Promise.all(
        urls.map((url) =>
          read<{ items: readonly { decisionId: string }[] }>(`${url}/v1/decisions`),
        ),
      );
      const [first] = newest;
      return (first?.items.length ?? 0) > 0 && newest.every((page) => page !== null);
    });
    await stop(started);

    const again = start();
    const view = await members(await up(again));
    assert.ok(view !== null && view.term > after.term, 'the log was kept');
    await stop(again);
  });
});

/** Null for everything but an answer with status 200. */
async function read<T>(url: string): Promise<T | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null;
  }
}
