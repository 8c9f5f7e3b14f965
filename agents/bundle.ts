/**
 * Bundles the agent for deployment: `node agents/bundle.ts` writes .build/agent/HASH/ and prints the
 * path of main.cjs. A bundle needs no type stripping (which is WebAssembly), so it can run without
 * the JIT, and it loads what Redis needs for TLS only when a target uses TLS. Sources that have not
 * changed are not bundled again. koffi stays outside: it is native code, and must lie in a
 * node_modules above the bundle where GPUs are to be read through NVML.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const folder = join(root, '.build', 'agent');
/** Older ones are kept for agents that still run and may start a child from theirs. */
const BUNDLES_KEPT = 3;

/**
 * What makes a bundled agent small, as measured: no JIT (−4 MB and no growth in bursts), a young
 * heap of 1 MB (−5 MB), no V8 worker threads (3 fewer), one malloc arena (−1 MB), and the right to
 * collect garbage at quiet times (−5 MB; see sources/tidy.ts).
 */
export const AGENT_FLAGS: readonly string[] = [
  '--jitless',
  '--v8-pool-size=0',
  '--max-semi-space-size=1',
  '--expose-gc',
];
export const AGENT_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  // Fixed, where glibc would raise both with the first large block and keep what is freed (−1 MB).
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

export interface AgentCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** To be added to the environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How to start the agent from its bundle, which is brought up to date first. */
export async function bundledAgentCommand(): Promise<AgentCommand> {
  const entry = await bundleAgent();
  return {
    command: process.execPath,
    args: [...AGENT_FLAGS, entry],
    environment: AGENT_ENVIRONMENT,
  };
}

/** Resolves to the path of main.cjs; safe to call at the same time from several processes. */
export async function bundleAgent(): Promise<string> {
  const target = join(folder, await hashSources());
  const entry = join(target, 'main.cjs');
  if (existsSync(entry)) return entry;
  const scratch = `${target}.${process.pid}.tmp`;
  await mkdir(scratch, { recursive: true });
  await buildInto(scratch);
  try {
    await rename(scratch, target);
  } catch (error) {
    // Another process was first, with the same content.
    await rm(scratch, { recursive: true, force: true });
    if (!existsSync(entry)) throw error;
  }
  await prune(target);
  return entry;
}

async function buildInto(outdir: string): Promise<void> {
  const { build } = await import('esbuild');
  const common = {
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    absWorkingDir: root,
    external: ['koffi'],
    logLevel: 'error',
    legalComments: 'none',
  } as const satisfies BuildOptions;
  await Promise.all([
    build({
      ...common,
      format: 'cjs',
      outdir,
      outExtension: { '.js': '.cjs' },
      entryPoints: {
        main: 'agents/main.ts',
        cache: 'agents/collectors/cache.ts',
        'node-portable': 'agents/collectors/node-portable.ts',
        'cache-targets': 'agents/collectors/cache-targets.ts',
        'statfs-child': 'agents/sources/statfs-child.ts',
        'inventory-child': 'agents/sources/inventory-child.ts',
      },
      define: { 'import.meta.filename': '__filename', 'import.meta.url': '__filename' },
      plugins: [lazyBuiltins, apart],
    }),
    // It awaits at its top level, which only a module can.
    build({
      ...common,
      format: 'esm',
      outdir,
      outExtension: { '.js': '.mjs' },
      entryPoints: { 'gpu-child': 'agents/sources/gpu/child.ts' },
    }),
  ]);
}

/**
 * Packages that require() these at their top use them seldom or never; each costs up to 4 MB. Only
 * for require(): an import copies the names that are there when it runs.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: /^(node:)?(tls|crypto|dns|assert)$/ }, ({ path, kind, namespace }) =>
      kind === 'require-call' && namespace !== 'lazy'
        ? { path: path.replace(/^node:/, ''), namespace: 'lazy' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
      contents: `module.exports = new Proxy(function () {}, {
        get: (_, name) => require('node:${path}')[name],
        apply: (_, self, args) => require('node:${path}').apply(self, args),
      });`,
    }));
  },
};

/**
 * What is imported when it is switched on lies in files of its own. The YAML parser is needed once,
 * at the start: its file is forgotten after that, so that its memory (1 MB) can be had back.
 */
const apart: Plugin = {
  name: 'apart',
  setup(build) {
    build.onResolve({ filter: /\/(cache|cache-targets|node-portable)\.ts$/ }, ({ path, kind }) =>
      kind === 'dynamic-import'
        ? { path: basename(path, '.ts'), namespace: path.includes('targets') ? 'once' : 'apart' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'apart' }, ({ path }) => ({
      contents: `module.exports = module.require(require('node:path').join(__dirname, '${path}.cjs'));`,
    }));
    build.onLoad({ filter: /.*/, namespace: 'once' }, ({ path: name }) => ({
      contents: `export function parseCacheTargets(text) {
        const path = require('node:path').join(__dirname, '${name}.cjs');
        try {
          return module.require(path).parseCacheTargets(text);
        } finally {
          module.children = module.children.filter((child) => child.filename !== path);
          delete require.cache[path];
        }
      }`,
    }));
  },
};

async function hashSources(): Promise<string> {
  const hash = createHash('sha256');
  const sources = await readdir(join(root, 'agents'), { recursive: true });
  const files = sources.filter((file) => file.endsWith('.ts')).map((file) => join('agents', file));
  for (const file of [...files.sort(), 'package.json', 'package-lock.json']) {
    hash
      .update(`${file}\0`)
      .update(await readFile(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

async function prune(newest: string): Promise<void> {
  const names = await readdir(folder);
  const bundles = await Promise.all(
    names
      .filter((name) => /^[0-9a-f]{16}$/.test(name))
      .map(async (name) => {
        const path = join(folder, name);
        const changed = await stat(path).catch(() => null);
        return { path, changedMs: path === newest ? Infinity : (changed?.mtimeMs ?? 0) };
      }),
  );
  bundles.sort((a, b) => b.changedMs - a.changedMs);
  for (const { path } of bundles.slice(BUNDLES_KEPT)) {
    await rm(path, { recursive: true, force: true });
  }
}

if (import.meta.main) process.stdout.write(`${await bundleAgent()}\n`);
