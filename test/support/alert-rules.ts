/**
 * The alerting rules, their promtool tests and the runbook as data, for the tests that hold them against
 * each other and against what is exported. Parsed and typed here; judged by the tests.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { filesIn, ROOT, textOf } from './source-tree.ts';

const texts = z.record(z.string(), z.string());

const RULE_FILE = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: texts,
          annotations: texts,
        }),
      ),
    }),
  ),
});

const TEST_FILE = z.object({
  tests: z.array(
    z.object({
      name: z.string().optional(),
      alert_rule_test: z
        .array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()).nullish() }))
        .optional(),
    }),
  ),
});

export type AlertRule = z.infer<typeof RULE_FILE>['groups'][number]['rules'][number] & {
  /** Name of the file without its endings. */
  readonly audience: string;
};

/** Every alert of alerts/rules, in the order of the files. */
export function alertRules(): readonly AlertRule[] {
  return filesIn(['alerts/rules'], ['.rules.yml']).flatMap(({ path, text }) =>
    RULE_FILE.parse(parse(text)).groups.flatMap(({ rules }) =>
      rules.map((rule) => ({ ...rule, audience: audienceOf(path) })),
    ),
  );
}

export interface AlertCase {
  readonly audience: string;
  readonly alert: string;
  /** Alerts that promtool is told to expect; 0 when it shall be silent. */
  readonly expected: number;
}

/** Every expectation of alerts/tests. */
export function alertCases(): readonly AlertCase[] {
  return filesIn(['alerts/tests'], ['.test.yml']).flatMap(({ path, text }) =>
    TEST_FILE.parse(parse(text)).tests.flatMap(({ alert_rule_test: cases = [] }) =>
      cases.map(({ alertname, exp_alerts: expected }) => ({
        audience: audienceOf(path),
        alert: alertname,
        expected: expected?.length ?? 0,
      })),
    ),
  );
}

/** Absolute paths. */
export function alertFiles(folder: 'rules' | 'tests'): readonly string[] {
  return readdirSync(join(ROOT, 'alerts', folder))
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) => join(ROOT, 'alerts', folder, name));
}

export interface RunbookEntry {
  readonly title: string;
  readonly text: string;
}

/** What stands under each `## ` heading, to the next heading of that level or above. */
export function runbookEntries(): readonly RunbookEntry[] {
  return runbookText()
    .split(/^##? /m)
    .slice(2)
    .map((part) => {
      const [title = '', ...lines] = part.split('\n');
      return { title, text: lines.join('\n') };
    })
    .filter(({ title }) => title.startsWith('OmniMind'));
}

export function runbookText(): string {
  return textOf('alerts/runbook.md');
}

function audienceOf(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.(rules|test)\.yml$/, '');
}
