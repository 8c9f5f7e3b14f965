/**
 * Writes grafana/dashboards/*.json from grafana/src/: `node grafana/generate.ts`. With `--check` it
 * writes nothing and exits with 1 when a file differs, is missing, or has no source.
 *
 * How it fits together:
 *   src/dashboards/   what each dashboard asks and shows; index.ts lists them
 *                     the rows of a large one are in the folder of its name
 *   src/panels.ts     kinds of panels; its header says how to use them
 *   src/dashboard.ts  layout, numbering, what all dashboards share
 *   src/variables.ts, annotations.ts, links.ts, datasources.ts, units.ts, colours.ts, scales.ts, fields.ts
 *   dashboards/       the JSON, checked in, that Grafana (10.4 or newer) is provisioned with
 *   provisioning/     data sources and the folder of dashboards, mounted at /etc/grafana/provisioning
 *                     (Grafana's own settings are the environment of its service in docker-compose.yml)
 * A dashboard is changed in its source, generated, and the difference of the JSON is read. What is
 * changed in Grafana itself cannot be saved there: the dashboards are read-only.
 *
 * Refuses to start from JSON: there is no way back into the sources.
 */

import { readdirSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { buildDashboard } from './src/dashboard.ts';
import { DASHBOARDS } from './src/dashboards/index.ts';

const FOLDER = join(import.meta.dirname, 'dashboards');

/** File name → text, of all dashboards. */
export async function generateDashboards(): Promise<ReadonlyMap<string, string>> {
  const style = await resolveConfig(join(FOLDER, 'any.json'));
  const files = new Map<string, string>();
  for (const spec of DASHBOARDS) {
    const json = JSON.stringify(buildDashboard(spec));
    files.set(`${spec.uid}.json`, await format(json, { ...style, parser: 'json' }));
  }
  return files;
}

if (import.meta.main) {
  void run(process.argv.includes('--check')).then((exitCode) => {
    process.exitCode = exitCode;
  });
}

async function run(check: boolean): Promise<number> {
  const files = await generateDashboards();
  const there = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  const different = [...files].filter(
    ([name, text]) => !there.includes(name) || readFileSync(join(FOLDER, name), 'utf8') !== text,
  );
  const orphans = there.filter((name) => !files.has(name));
  if (check) {
    for (const [name] of different) process.stderr.write(`dashboards/${name} is not generated\n`);
    for (const name of orphans) process.stderr.write(`dashboards/${name} has no source\n`);
    return different.length + orphans.length === 0 ? 0 : 1;
  }
  for (const [name, text] of different) writeFileSync(join(FOLDER, name), text);
  for (const name of orphans) rmSync(join(FOLDER, name));
  process.stdout.write(
    `${files.size} dashboards, ${different.length} written, ${orphans.length} removed\n`,
  );
  return 0;
}
