/**
 * The scrape targets as file_sd lists: agents.json and replicas.json in one directory, each replaced
 * at once (written aside, synced, renamed), so that Prometheus never reads half a list. A list that is
 * there already is not written again: that is read from the file, since members may share the
 * directory, and each of them writes while it leads. Knows nothing of where the targets come from.
 */

import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type TargetGroup,
  type TargetPublisher,
  TargetPublisherError,
} from '../../ports/target-publisher.ts';

type Kind = 'agents' | 'replicas';

export interface FileSdOptions {
  /** Made when it does not exist. */
  readonly directory: string;
}

export function createFileSdPublisher(options: FileSdOptions): TargetPublisher {
  const lists: Readonly<Record<Kind, FileSdList>> = {
    agents: new FileSdList(options.directory, 'agents'),
    replicas: new FileSdList(options.directory, 'replicas'),
  };
  return { publish: (kind, groups) => lists[kind].publish(groups) };
}

/** One file. While it is being written only the newest list waits: older ones are of no use. */
class FileSdList {
  readonly #directory: string;
  readonly #path: string;
  readonly #aside: string;
  #wanted = '';
  #running: Promise<void> | null = null;

  constructor(directory: string, kind: Kind) {
    this.#directory = directory;
    this.#path = join(directory, `${kind}.json`);
    // A leading dot keeps it out of a pattern such as *.json. No process id: in containers that share
    // the directory all may have the same.
    this.#aside = join(directory, `.${kind}.json.${randomUUID()}`);
  }

  /** Resolves once this list or a newer one is on disk. @throws TargetPublisherError */
  publish(groups: readonly TargetGroup[]): Promise<void> {
    this.#wanted = render(groups);
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      let text: string;
      do {
        text = this.#wanted;
        if (!(await this.#isCurrent(text))) await this.#write(text);
      } while (this.#wanted !== text);
    } catch (cause) {
      throw new TargetPublisherError(`writing the scrape targets to ${this.#path}`, { cause });
    } finally {
      this.#running = null;
    }
  }

  /** Whoever wrote it: an earlier process, or another member. What cannot be read is written again. */
  async #isCurrent(text: string): Promise<boolean> {
    try {
      return (await readFile(this.#path, 'utf8')) === text;
    } catch {
      return false;
    }
  }

  async #write(text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    try {
      await writeSynced(this.#aside, text);
      await rename(this.#aside, this.#path);
    } catch (error) {
      await rm(this.#aside, { force: true });
      throw error;
    }
    await syncDirectory(this.#directory);
  }
}

/** One group to a line, in an order that does not depend on the caller's. */
function render(groups: readonly TargetGroup[]): string {
  const lines = groups.map(({ targets, labels }) => JSON.stringify({ targets, labels })).sort();
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}

async function writeSynced(path: string, text: string): Promise<void> {
  // Readable by Prometheus, which runs as a user of its own.
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The rename itself is durable only once the directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
