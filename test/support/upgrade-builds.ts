/**
 * Two builds of the product beside each other: the working tree, and an older one that Git still has,
 * unpacked into a folder of its own. The older one runs on the packages that are installed for the
 * working tree, and is refused where it needs others. Its copy gets a version of its own, so that what
 * members say of themselves can be told apart.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FORMAT_FILE = 'control-plane/state/format.ts';
/** The line of it that a new format changes. */
const FORMAT_LINE = '^export const FORMAT_MAX';
const GIT_MS = 30_000;
const ARCHIVE_BYTES_MAX = 256 * 1024 * 1024;
const run = promisify(execFile);

export interface Build {
  /** For people: which revision it is. */
  readonly name: string;
  readonly root: string;
  /** What its members say at /version. */
  readonly version: string;
  /** The newest format of commands and snapshots that it reads. */
  readonly formatMax: number;
}

/** Why there is no older build to be had here; no fault of the product. */
export class NoOlderBuild extends Error {
  override readonly name = 'NoOlderBuild';
}

export async function newBuild(): Promise<Build> {
  const { version } = await packageOf(ROOT);
  return { name: 'the working tree', root: ROOT, version, formatMax: await formatMaxOf(ROOT) };
}

/**
 * Unpacks a revision; without a wish, the last one before the format of commands and snapshots was
 * changed, or HEAD where that is not in this clone or needs other packages.
 * @throws NoOlderBuild
 */
export async function oldBuild(wanted: string | undefined): Promise<Build> {
  if (wanted !== undefined) return unpacked(wanted);
  try {
    const log = await git('log', '-1', '--format=%H', `-G${FORMAT_LINE}`, '--', FORMAT_FILE);
    const [changed = 'HEAD'] = log.split('\n');
    return await unpacked(`${changed}^`);
  } catch (error) {
    if (!(error instanceof NoOlderBuild)) throw error;
    return unpacked('HEAD');
  }
}

export async function removeBuild({ root }: Build): Promise<void> {
  if (root !== ROOT) await rm(root, { recursive: true, force: true });
}

async function unpacked(revision: string): Promise<Build> {
  const commit = (await git('rev-parse', '--verify', '--quiet', `${revision}^{commit}`)).trim();
  const short = commit.slice(0, 9);
  const root = await mkdtemp(join(tmpdir(), `omnimind-${short}-`));
  try {
    await extract(commit, root);
    const described = await packageOf(root);
    refuseOtherPackages(short, described, await packageOf(ROOT));
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    const version = `${described.version}-${short}`;
    await writeFile(join(root, 'package.json'), JSON.stringify({ ...described, version }));
    return { name: short, root, version, formatMax: await formatMaxOf(root) };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function extract(commit: string, root: string): Promise<void> {
  const archive = join(root, '.archive.tar');
  await git(
    'archive',
    '--format=tar',
    '--output',
    archive,
    commit,
    'control-plane',
    'package.json',
  );
  await run('tar', ['-x', '-f', archive, '-C', root], { timeout: GIT_MS });
  await rm(archive);
}

interface Described {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** It would run on packages that it was never tried with. @throws NoOlderBuild */
function refuseOtherPackages(name: string, old: Described, now: Described): void {
  for (const [dependency, range] of Object.entries(old.dependencies)) {
    const installed = now.dependencies[dependency];
    if (installed === range) continue;
    throw new NoOlderBuild(`${name} needs ${dependency} ${range}, here is ${installed ?? 'none'}`);
  }
}

async function packageOf(root: string): Promise<Described> {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Described;
}

/** 1 for a build from before formats were numbered. */
async function formatMaxOf(root: string): Promise<number> {
  const text = await readFile(join(root, FORMAT_FILE), 'utf8').catch(() => '');
  return Number(/^export const FORMAT_MAX = (\d+);$/m.exec(text)?.[1] ?? 1);
}

/** @throws NoOlderBuild when there is no Git, no repository, or not what was asked for */
async function git(...arguments_: string[]): Promise<string> {
  try {
    const options = { cwd: ROOT, timeout: GIT_MS, maxBuffer: ARCHIVE_BYTES_MAX };
    const { stdout } = await run('git', arguments_, options);
    return stdout;
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    const why = (stderr ?? String(cause)).trim().split('\n')[0] ?? '';
    throw new NoOlderBuild(`git ${arguments_.join(' ')} fails: ${why || 'nothing is found'}`, {
      cause,
    });
  }
}
