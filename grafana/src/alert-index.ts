/**
 * All alerts that there are, as Markdown: what each says, how grave it is, and the links to its heading
 * in the runbook and to its dashboard. Read from alerts/rules, so that the list is that of the rules;
 * refuses an alert without a severity or a summary.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { runbook } from './links.ts';

const FOLDER = join(import.meta.dirname, '../../alerts/rules');

const RULES = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string().optional(),
          labels: z.object({ severity: z.string(), component: z.string() }).optional(),
          annotations: z.object({ summary: z.string() }).optional(),
        }),
      ),
    }),
  ),
});

interface Listed {
  readonly name: string;
  readonly severity: string;
  readonly component: string;
  readonly summary: string;
}

const GRAVEST_FIRST = ['critical', 'warning', 'info', 'none'];

/** One row per alert and severity, the gravest first. @throws Error when a rule file is not as it must be */
export function alertIndex(): string {
  const rows = listed().map(({ name, severity, component, summary }) => {
    const link = runbook(name);
    return `| [${name}](${link.url}) | ${severity} | ${component} | ${summary.replaceAll('|', '\\|')} |`;
  });
  return ['| Alert | Severity | About | What it says |', '|---|---|---|---|', ...rows].join('\n');
}

function listed(): readonly Listed[] {
  const found = new Map<string, Listed>();
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.rules.yml'))) {
    const { groups } = RULES.parse(parse(readFileSync(join(FOLDER, file), 'utf8')));
    for (const { alert, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
      if (alert === undefined) continue;
      if (labels === undefined || annotations === undefined) {
        throw new Error(`${file}: ${alert} has no severity or no summary`);
      }
      // One alert may have a rule for each objective; its runbook is one.
      const key = `${alert} ${labels.severity}`;
      const summary = annotations.summary.replace(/^SLO [\w-]+: /, '');
      if (!found.has(key)) found.set(key, { name: alert, ...labels, summary });
    }
  }
  return [...found.values()].sort(
    (a, b) =>
      GRAVEST_FIRST.indexOf(a.severity) - GRAVEST_FIRST.indexOf(b.severity) ||
      a.component.localeCompare(b.component) ||
      a.name.localeCompare(b.name),
  );
}
