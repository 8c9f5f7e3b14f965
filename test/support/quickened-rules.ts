/**
 * The checked-in recording and alerting rules for a test that cannot wait for hours: every window, offset
 * and `for:` of a rule is so many times shorter, and rules are evaluated every second. Thresholds,
 * labels and the rest of each expression are as checked in.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { alertRules } from './alert-rules.ts';
import { ROOT } from './source-tree.ts';

/** Two scrapes of a second must lie in every window, also where one comes late. */
const WINDOW_LEAST_S = 4;
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

const RECORDING = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ record: z.string(), expr: z.string() })) })),
});

/**
 * A rule file of the recording rules of these files of prometheus/rules and the alerts of these files
 * of alerts/rules, both named without their endings.
 */
export function quickenedRules(
  times: number,
  recording: readonly string[],
  alerting: readonly string[],
): string {
  const records = recording.flatMap((name) => {
    const path = join(ROOT, 'prometheus', 'rules', `${name}.rules.yml`);
    const { groups } = RECORDING.parse(parse(readFileSync(path, 'utf8')));
    return groups.flatMap(({ rules }) => rules);
  });
  const alerts = alertRules()
    .filter(({ audience }) => alerting.includes(audience))
    .map(({ alert, expr, for: waits, labels }) => ({
      alert,
      expr,
      labels,
      ...(waits !== undefined && { for: quickened(waits, times, 1) }),
    }));
  const rules = [...records, ...alerts].map((rule) => ({
    ...rule,
    expr: quickenedExpression(rule.expr, times),
  }));
  return stringify({ groups: [{ name: 'quickened', interval: '1s', rules }] });
}

/** Windows in brackets, those of subqueries too, and offsets. */
export function quickenedExpression(expr: string, times: number): string {
  return expr
    .replaceAll(
      /\[(\d+[smhd])(:?)(\d+[smhd])?\]/gu,
      (_, window: string, colon: string, step?: string) => {
        const inner = step === undefined ? '' : quickened(step, times, 1);
        return `[${quickened(window, times, WINDOW_LEAST_S)}${colon}${inner}]`;
      },
    )
    .replaceAll(
      /\boffset (\d+[smhd])/gu,
      (_, back: string) => `offset ${quickened(back, times, 1)}`,
    );
}

function quickened(duration: string, times: number, leastS: number): string {
  const seconds = Number(duration.slice(0, -1)) * (UNIT_S[duration.slice(-1)] ?? Number.NaN);
  return `${Math.max(leastS, Math.round(seconds / times))}s`;
}
