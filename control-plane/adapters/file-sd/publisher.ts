/**
 * The scrape targets as file_sd lists: agents.json and replicas.json in one directory, each replaced
 * at once (written aside, synced, renamed), so that Prometheus never reads half a list. An unchanged
 * list is not written again. Knows nothing of where the targets come from.
 */

import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
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
  #written: string | null = null;
  #running: Promise<void> | null = null;

  constructor(directory: string, kind: Kind) {
    this.#directory = directory;
    this.#path = join(directory, `${kind}.json`);
    // A leading dot keeps it out of a pattern such as *.json.
    this.#aside = join(directory, `.${kind}.json.${process.pid}`);
  }

  /** Resolves once this list or a newer one is on disk. @throws TargetPublisherError */
  publish(groups: readonly TargetGroup[]): Promise<void> {
    this.#wanted = render(groups);
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      do {
        const text = this.#wanted;
        if (!(await this.#isCurrent(text))) await this.#write(text);
        this.#written = text;
      } while (this.#wanted !== this.#written);
    } catch (cause) {
      throw new TargetPublisherError(`writing the scrape targets to ${this.#path}`, { cause });
    } finally {
      this.#running = null;
    }
  }

  /** What an earlier process wrote counts too; a file that somebody removed is written again. */
  async #isCurrent(text: string): Promise<boolean> {
    try {
      if (this.#written === null) return (await readFile(this.#path, 'utf8')) === text;
      await access(this.#path, constants.F_OK);
      return this.#written === text;
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
