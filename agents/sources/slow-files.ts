/**
 * Reads the files of sysfs that wait for hardware (sensors, memory controllers, network links) in
 * the background: one pass at a time, one file after another, so that a sensor that hangs takes one
 * thread and its own values. Values of a pass are given until they are stale.
 */

import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface SlowFileRule {
  /** Folder below the root, of folders: sys/class/hwmon. */
  readonly folder: string;
  /** Which folders in it. */
  readonly entries: RegExp;
  /** Which files in those. */
  readonly files: RegExp;
  /** Whether to read where the entry links to, given as its file `@link`. */
  readonly withLink?: boolean;
}

/** Texts, trimmed, by folder, then entry, then file. */
export type SlowFileTexts = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, string>>>;

export interface SlowFiles {
  /** What is known now; empty when nothing is or all of it is stale. Begins a pass when one is due. */
  texts(): SlowFileTexts;
  /** Whether the pass under way has taken longer than the staleness. */
  isHanging(): boolean;
}

export interface SlowFilesOptions {
  readonly root: string;
  readonly rules: readonly SlowFileRule[];
  /** Time between two passes, in ms. */
  readonly intervalMs: number;
  readonly stalenessMs: number;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

/** Files per pass: a bound on what one broken sysfs can cost. */
const FILES_MAX = 2048;

export function createSlowFiles(options: SlowFilesOptions): SlowFiles {
  let known: SlowFileTexts = new Map();
  let knownAtMs = -Infinity;
  let passBeganMs: number | null = null;

  async function pass(): Promise<void> {
    const beganMs = options.now();
    passBeganMs = beganMs;
    const texts = new Map<string, Map<string, Map<string, string>>>();
    const budget = { left: FILES_MAX };
    for (const rule of options.rules) {
      texts.set(rule.folder, await readRule(options.root, rule, budget));
    }
    known = texts;
    // The age of a value counts from before it was read.
    knownAtMs = beganMs;
    passBeganMs = null;
  }

  return {
    texts() {
      const nowMs = options.now();
      if (passBeganMs === null && nowMs - knownAtMs >= options.intervalMs) void pass();
      return nowMs - knownAtMs < options.stalenessMs ? known : new Map();
    },
    isHanging: () => passBeganMs !== null && options.now() - passBeganMs >= options.stalenessMs,
  };
}

async function readRule(
  root: string,
  rule: SlowFileRule,
  budget: { left: number },
): Promise<Map<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  const folder = join(root, rule.folder);
  for (const entry of await namesIn(folder, rule.entries)) {
    const texts = new Map<string, string>();
    found.set(entry, texts);
    if (rule.withLink === true) {
      const link = await readlink(join(folder, entry)).catch(() => '');
      if (link !== '') texts.set('@link', link);
    }
    for (const file of await namesIn(join(folder, entry), rule.files)) {
      if (budget.left-- <= 0) return found;
      // Absent sensors say ENODATA, links that are down EINVAL: no value then.
      const text = await readFile(join(folder, entry, file), 'utf8').catch(() => null);
      if (text !== null) texts.set(file, text.trim());
    }
  }
  return found;
}

async function namesIn(folder: string, wanted: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => wanted.test(name)).sort();
}
