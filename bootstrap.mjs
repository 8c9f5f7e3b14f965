/**
 * What stands behind `npm start`, `npm test` and `npm run check`, `bench`, `simulate`, `backtest` and `secrets` on a machine with
 * Node 20 and npm alone: installs what is missing (packages by the lock file, programs from Debian
 * where that is possible), then runs the command on the Node that the lock file pins. It needs no
 * dependency itself, starts no service, and does nothing that it does not say in one line.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(fileURLToPath(import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const BIN = join(MODULES, '.bin');
const NODE = join(BIN, 'node');
const STAMP = join(MODULES, '.omnimind-lock-sha256');
const TOOLS = join(ROOT, '.data', 'tools');
const NODE_MAJOR_MIN = 20;
const INSTALL_MINUTES_MAX = 10;

/**
 * Programs beside Node, the Debian package of each, and how it gets here. `unpack` marks a package
 * whose binary runs without its dependencies, so that it can be had without being root; `link` names
 * the file of the package that is the program under another name (the package `redis-server` would
 * bring a service along, `redis-tools` carries the same binary without one).
 */
const PROGRAMS = {
  prometheus: { package: 'prometheus', unpack: true },
  promtool: { package: 'prometheus', unpack: true },
  'prometheus-alertmanager': { package: 'prometheus-alertmanager', unpack: true },
  amtool: { package: 'prometheus-alertmanager', unpack: true },
  'prometheus-node-exporter': { package: 'prometheus-node-exporter', unpack: true },
  'prometheus-redis-exporter': { package: 'prometheus-redis-exporter', unpack: true },
  'victoria-metrics': { package: 'victoria-metrics', unpack: true },
  etcd: { package: 'etcd-server', unpack: true },
  'redis-server': { package: 'redis-tools', unpack: false, link: '/usr/bin/redis-check-rdb' },
};

/**
 * What each command runs, and the programs that it must have (`required`) or uses when they are there;
 * with the option `alone` it needs none of them.
 */
const COMMANDS = {
  start: { run: runStart, required: ['prometheus'], optional: [], alone: '--docker' },
  secrets: { run: runSecrets, required: [], optional: [] },
  test: {
    run: runTests,
    required: [],
    optional: [
      'prometheus',
      'promtool',
      'prometheus-alertmanager',
      'amtool',
      'victoria-metrics',
      'redis-server',
    ],
  },
  check: { run: runChecks, required: [], optional: [] },
  bench: {
    run: runBench,
    required: [],
    optional: [
      'prometheus',
      'prometheus-node-exporter',
      'prometheus-redis-exporter',
      'redis-server',
      'etcd',
    ],
  },
  simulate: { run: runSimulation, required: [], optional: [] },
  backtest: { run: runBacktest, required: [], optional: [] },
};

/** Trouble that a person can act on: one line, no stack. */
class SetupError extends Error {}

async function main([name = '', ...args]) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN) {
    throw new SetupError(`Node ${NODE_MAJOR_MIN} or newer is needed; this is ${process.version}`);
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : null;
  if (command === null) {
    throw new SetupError(`usage: node bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [options]`);
  }
  process.env.PATH = [BIN, join(TOOLS, 'usr', 'bin'), process.env.PATH].join(delimiter);
  await withInstallLock(async () => {
    await installPackages();
    if (command.alone === undefined || !args.includes(command.alone))
      await installPrograms(command);
  });
  return command.run(args);
}

// ---- commands

function runStart(args) {
  // The launcher reads the pipe's end as the death of this process, should it come without a signal.
  return runForeground([join('demo', 'main.ts'), ...args], { lifeline: true });
}

function runSecrets(args) {
  return runForeground([join('demo', 'secrets.ts'), ...args], {});
}

/** All tests, or those that are named. */
function runTests(args) {
  const named = args.some((argument) => !argument.startsWith('-'));
  if (!named) return runForeground([join('test', 'main.ts'), ...args], {});
  const mocha = join('node_modules', 'mocha', 'bin', 'mocha.js');
  const reporter = ['--reporter', './test/support/reporter.ts'];
  return runForeground([mocha, ...reporter, ...args], {});
}

function runBench(args) {
  return runForeground([join('test', 'bench', 'main.ts'), ...args], {});
}

function runSimulation(args) {
  return runForeground([join('test', 'simulation', 'main.ts'), ...args], {});
}

/** Paths are those of whoever asks: npm itself goes to the package's folder. */
function runBacktest(args) {
  const cwd = process.env.INIT_CWD ?? process.cwd();
  return runForeground([join(ROOT, 'control-plane', 'backtest-cli.ts'), ...args], { cwd });
}

/** Every chosen step runs, also after one that failed: two at a time, each answering with one line. */
async function runChecks(args) {
  if (args.includes('--help')) {
    console.log(CHECK_HELP);
    return 0;
  }
  const { names, paths } = parseCheck(args);
  const failed = [];
  const waiting = checkSteps(paths).filter(({ name }) => names.includes(name));
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const { passed, line, output } = await runStep(step);
      console.log(`${passed ? 'ok  ' : 'FAIL'} ${step.name.padEnd(9)} ${line}`);
      if (passed) continue;
      failed.push(step.name);
      console.log(output.trimEnd());
    }
  };
  await Promise.all([worker(), worker()]);
  if (failed.length === 0) return 0;
  console.log(`check failed: ${failed.join(', ')}`);
  return 1;
}

const CHECK_STEPS = ['lint', 'types', 'layers', 'format'];
const CHECK_HELP = `usage: npm run check [-- [--only STEP,…] [PATH…]]
  --only STEP,…  some of ${CHECK_STEPS.join(', ')}; all when left out
  PATH…          what lint and format look at; types and layers always look at everything`;

/** A step or an option that does not exist is refused: it would look like a check that passed. */
function parseCheck(args) {
  const [first, list = '', ...rest] = args;
  const names = first === '--only' ? list.split(',') : CHECK_STEPS;
  const paths = first === '--only' ? rest : args;
  const unknown = [
    ...names.filter((name) => !CHECK_STEPS.includes(name)),
    ...paths.filter((path) => path.startsWith('-') || !existsSync(join(ROOT, path))),
  ];
  if (unknown.length > 0) {
    throw new SetupError(`check does not know ${unknown.join(', ') || "''"}\n${CHECK_HELP}`);
  }
  return { names, paths: paths.length > 0 ? paths : ['.'] };
}

function checkSteps(paths) {
  const tool = (...path) => join('node_modules', ...path);
  const prettier = [tool('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn'];
  return [
    {
      name: 'lint',
      argv: [tool('eslint', 'bin', 'eslint.js'), '--max-warnings', '0', ...paths],
    },
    {
      name: 'types',
      // What it learnt of files that have not changed since serves the next run.
      argv: [
        ...[tool('typescript', 'bin', 'tsc'), '--noEmit'],
        ...['--incremental', '--tsBuildInfoFile', join('.data', 'check.tsbuildinfo')],
      ],
    },
    { name: 'layers', argv: layerArguments(tool), judge: judgeLayers },
    { name: 'format', argv: [...prettier, ...paths] },
  ];
}

async function runStep(step) {
  const startedAt = Date.now();
  const { code, output, errors } = await capture(NODE, step.argv, { minutes: 10 });
  const seconds = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  const verdict = step.judge?.(code, output) ?? { passed: code === 0, line: '', output };
  return { ...verdict, line: `${seconds}  ${verdict.line}`, output: `${verdict.output}${errors}` };
}

function sourceFolders() {
  const folders = ['control-plane', 'agents', 'demo', 'grafana', 'test'];
  return folders.filter((folder) => countSources(join(ROOT, folder)) > 0);
}

function layerArguments(tool) {
  const depcruise = tool('dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const config = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  return [depcruise, ...config, ...sourceFolders()];
}

/** A cruise that saw fewer modules than there are files has checked nothing, however green it is. */
function judgeLayers(code, output) {
  let summary;
  try {
    summary = JSON.parse(output).summary;
  } catch {
    return { passed: false, line: 'dependency-cruiser gave no report', output };
  }
  const expected = sourceFolders().reduce((sum, name) => sum + countSources(join(ROOT, name)), 0);
  const seen = `${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports`;
  const violations = summary.violations
    .filter(({ rule }) => rule.severity === 'error' || rule.severity === 'warn')
    .map(({ rule, from, to }) => `  ${rule.name}: ${from} → ${to}`);
  const problems =
    summary.totalCruised < Math.max(expected, 1) || summary.totalDependenciesCruised < 1
      ? [...violations, `  ${expected} source files, but only ${seen} were looked at`]
      : violations;
  return { passed: code === 0 && problems.length === 0, line: seen, output: problems.join('\n') };
}

function countSources(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true }).filter((path) => /\.ts$/.test(path)).length;
}

/**
 * Runs on the pinned Node with this process's terminal; resolves with its exit code. A Ctrl-C reaches
 * every process of the terminal by itself; other signals, and a Ctrl-C without a terminal, are passed on.
 */
function runForeground(argv, { lifeline = false, cwd = ROOT }) {
  const stdio = lifeline ? ['inherit', 'inherit', 'inherit', 'pipe'] : 'inherit';
  const env = lifeline ? { ...process.env, DEMO_LIFELINE_FD: '3' } : process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(NODE, argv, { cwd, stdio, env });
    child.once('error', reject);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        const byTerminal = signal === 'SIGINT' && process.stdin.isTTY === true;
        if (!byTerminal) child.kill(signal);
      });
    }
    child.once('exit', (code, signal) => {
      resolve(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1));
    });
  });
}

// ---- packages

/** Makes node_modules what the lock file says, and does nothing when it already is. */
async function installPackages() {
  const lockText = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(lockText).digest('hex');
  if (existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return;
  if (!(existsSync(NODE) && isInstalled(JSON.parse(lockText)))) {
    console.log('installing the packages of package-lock.json (npm ci) …');
    const npm = process.env.npm_execpath?.endsWith('.js')
      ? [process.execPath, process.env.npm_execpath]
      : ['npm'];
    const argv = [...npm.slice(1), 'ci', '--include=dev', '--no-audit', '--no-fund'];
    const { code, errors, output } = await capture(npm[0], argv, { minutes: INSTALL_MINUTES_MAX });
    if (code !== 0) {
      throw new SetupError(
        `npm ci failed (${lastLine(errors, output)}); run it by hand in ${ROOT}: npm ci`,
      );
    }
    if (!existsSync(NODE)) {
      throw new SetupError(`npm ci brought no ${NODE}; run: npm rebuild node --foreground-scripts`);
    }
  }
  writeFileSync(STAMP, hash);
}

/** Whether npm's own note of what it installed holds every package that is not optional. */
function isInstalled(lock) {
  try {
    const { packages } = JSON.parse(readFileSync(join(MODULES, '.package-lock.json'), 'utf8'));
    return Object.entries(lock.packages).every(
      ([path, { optional, version }]) =>
        path === '' || optional === true || packages[path]?.version === version,
    );
  } catch {
    return false;
  }
}

// ---- programs

async function installPrograms({ required, optional }) {
  const missing = [...new Set([...required, ...optional])].filter((name) => !isOnPath(name));
  if (missing.length > 0 && isOnPath('apt-get') && isOnPath('dpkg')) {
    await installFromDebian(missing).catch((error) => {
      console.log(`could not install ${missing.join(', ')}: ${error.message}`);
    });
  }
  const absent = required.filter((name) => !isOnPath(name));
  if (absent.length > 0) {
    throw new SetupError(
      `${absent.join(', ')} missing; install it with: apt-get install --no-install-recommends ` +
        `${packagesOf(absent).join(' ')} (Debian, as root), or see https://prometheus.io/download/`,
    );
  }
  const without = optional.filter((name) => !isOnPath(name));
  if (without.length > 0) console.log(`without ${without.join(', ')}: what needs it is skipped`);
}

async function installFromDebian(names) {
  const root = process.getuid?.() === 0;
  const chosen = root ? names : names.filter((name) => PROGRAMS[name].unpack);
  if (chosen.length === 0) return;
  const packages = packagesOf(chosen);
  console.log(`installing ${packages.join(', ')} from Debian (no service is started) …`);
  if (root) await installAsRoot(packages);
  else await unpackAsUser(packages);
  for (const name of chosen) {
    const { link } = PROGRAMS[name];
    if (link === undefined || isOnPath(name) || !existsSync(link)) continue;
    mkdirSync(join(TOOLS, 'usr', 'bin'), { recursive: true });
    rmSync(join(TOOLS, 'usr', 'bin', name), { force: true });
    symlinkSync(link, join(TOOLS, 'usr', 'bin', name));
  }
}

async function installAsRoot(packages) {
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const simulated = await capture('apt-get', ['-s', ...install], { minutes: 1, env });
  // A fresh container has no lists of packages at all.
  if (simulated.code !== 0) await aptGet(['update', '-q'], env);
  await withServicesHeld(() => aptGet(['-o', 'DPkg::Lock::Timeout=120', ...install], env));
  if (!existsSync('/run/systemd/system')) return;
  for (const name of packages.filter((name) => /^(prometheus|etcd|victoria)/.test(name))) {
    // Else it would start with the next boot and hold the port that the demo wants.
    await capture('systemctl', ['disable', `${name.replace('-server', '')}.service`], {
      minutes: 1,
    });
  }
}

/**
 * Packages with a service start it when they are configured, unless this file says no. It is written
 * only where there is none, and removes itself should this process not live to do so.
 */
async function withServicesHeld(action) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return action();
  const script = `#!/bin/sh\nkill -0 ${process.pid} 2>/dev/null && exit 101\nrm -f "$0"\nexit 0\n`;
  writeFileSync(policy, script, { mode: 0o755, flag: 'wx' });
  const remove = () => rmSync(policy, { force: true });
  process.once('exit', remove);
  try {
    return await action();
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Downloads the packages and unpacks them into the tools folder; nothing of the system changes. */
async function unpackAsUser(packages) {
  const folder = mkdtempSync(join(tmpdir(), 'omnimind-tools-'));
  try {
    await aptGet(['download', '-q', ...packages], process.env, folder);
    mkdirSync(TOOLS, { recursive: true });
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
      const { code, errors } = await capture('dpkg', ['-x', join(folder, file), TOOLS], {
        minutes: 2,
      });
      if (code !== 0) throw new SetupError(`dpkg -x ${file}: ${lastLine(errors)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function aptGet(argv, env, cwd = ROOT) {
  const { code, errors, output } = await capture('apt-get', argv, { minutes: 5, env, cwd });
  if (code !== 0) throw new SetupError(`apt-get ${argv[0]}: ${lastLine(errors, output)}`);
}

function packagesOf(names) {
  return [...new Set(names.map((name) => PROGRAMS[name].package))];
}

function isOnPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

// ---- tools of this file

/** One bootstrap installs at a time: two `npm ci` in one folder spoil each other. */
async function withInstallLock(action) {
  const lock = join(ROOT, '.data', 'bootstrap.lock');
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + 2 * INSTALL_MINUTES_MAX * 60_000;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isOwned(lock)) rmSync(lock, { force: true });
    else if (Date.now() > deadline) throw new SetupError(`${lock} is held by another start`);
    else await delay(200);
  }
  const release = () => rmSync(lock, { force: true });
  const interrupt = () => process.exit(130);
  process.once('exit', release);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, interrupt);
  try {
    await action();
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, interrupt);
    process.off('exit', release);
    release();
  }
}

/** Whether the process that wrote the lock still lives; an empty lock is being written. */
function isOwned(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs to the end, within a bound, and keeps what it wrote. Never rejects. */
function capture(program, argv, { minutes, env = process.env, cwd = ROOT }) {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, argv, { cwd, env, stdio, timeout: minutes * 60_000 });
    const kill = () => child.kill('SIGTERM');
    process.once('exit', kill);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
    const finish = (code) => {
      process.off('exit', kill);
      resolve({ code, output, errors });
    };
    child.once('error', (error) => {
      errors += error.message;
      finish(127);
    });
    child.once('close', (code) => finish(code ?? 1));
  });
}

/** The last line that says something, for a message of one line. */
function lastLine(...texts) {
  const lines = texts.flatMap((text) => text.split('\n')).map((line) => line.trim());
  const telling = lines.filter((line) => /error|E:|ERR!|unable|fail/i.test(line));
  return (telling.at(-1) ?? lines.filter(Boolean).at(-1) ?? 'no output').slice(0, 300);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof SetupError ? error.message : error);
    process.exit(1);
  },
);
