/**
 * Writes the Prometheus rules that follow from the SLOs, or checks that they are written:
 *   node control-plane/slo-rules.ts [--check]
 * Reads prometheus/slos; writes prometheus/rules/slo.rules.yml and alerts/rules/slo.rules.yml. Other
 * places, and where the links of the alerts lead, are options. Exits with 1 when a checked file
 * differs, and when an SLO is wrong, with every fault; nothing is written then.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { readSlos } from './adapters/document-files/slos.ts';
import { alertGroups } from './analysis/slo-alerts.ts';
import { recordingGroups } from './analysis/slo-rules.ts';

/** Of reading the SLOs, in ms. */
const READ_TIMEOUT_MS = 10_000;

const OPTIONS = {
  check: { type: 'boolean', default: false },
  slos: { type: 'string', default: 'prometheus/slos' },
  recordings: { type: 'string', default: 'prometheus/rules/slo.rules.yml' },
  alerts: { type: 'string', default: 'alerts/rules/slo.rules.yml' },
  runbook: {
    type: 'string',
    default: 'https://github.com/omnimind/omnimind-control-plane/blob/main/alerts/runbook.md',
  },
  grafana: { type: 'string', default: 'http://localhost:3000' },
} as const;

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const slos = await readSlos(values.slos, AbortSignal.timeout(READ_TIMEOUT_MS));
  const grafana = values.grafana.replace(/\/+$/, '');
  const files = [
    { path: values.recordings, text: rulesText(values.slos, recordingGroups(slos)) },
    {
      path: values.alerts,
      text: rulesText(values.slos, alertGroups(slos, { runbook: values.runbook, grafana })),
    },
  ];
  if (values.check) await check(files);
  else await write(files);
}

interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

function rulesText(directory: string, groups: readonly unknown[]): string {
  const head = `# Generated from ${directory} by control-plane/slo-rules.ts; change those, and run it again.\n`;
  return (
    head + stringify({ groups }, { lineWidth: 0, singleQuote: true, aliasDuplicateObjects: false })
  );
}

async function write(files: readonly GeneratedFile[]): Promise<void> {
  for (const { path, text } of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

async function check(files: readonly GeneratedFile[]): Promise<void> {
  for (const { path, text } of files) {
    const there = await readFile(path, 'utf8').catch(() => null);
    if (there === text) continue;
    const what = there === null ? 'cannot be read' : 'is not what the SLOs say';
    process.stderr.write(`${path} ${what}; run node control-plane/slo-rules.ts\n`);
    process.exitCode = 1;
  }
}
