/** A backtest as plain text for a terminal: one sentence and one row per policy, and what to beware of. */

import type { BacktestResult, Measures } from '../../model/backtest.ts';
import { duration, figure, instant, percent } from './format.ts';
import { headline, savings } from './headline.ts';

export function renderTerminal(result: BacktestResult): string {
  const { runs, oracle, warnings, fromMs, toMs, steps, stepMs } = result;
  const range = `${instant(fromMs)} to ${instant(toMs)} UTC, ${figure(steps)} steps of ${duration(stepMs)}`;
  return [
    range,
    '',
    ...runs.map((run) => `${headline(run, oracle.measures)}.`),
    '',
    ...tableOf(result),
    ...(warnings.length > 0 ? ['', ...warnings.map((line) => `beware: ${line}`)] : []),
    '',
  ].join('\n');
}

const LABEL_WIDTH_MAX = 48;

function tableOf(result: BacktestResult): readonly string[] {
  const { runs, oracle, plant } = result;
  const queues = plant.overload.kind === 'queue';
  const head = [
    'policy',
    'unserved %',
    ...(queues ? ['late %'] : []),
    'slack %',
    'replica-hours',
    'oracle saves %',
    'actions',
    'reversals/day',
    'at max %',
  ];
  const row = (label: string, measures: Measures): readonly string[] => {
    const share = measures === oracle.measures ? null : savings(measures, oracle.measures);
    return [
      label.length > LABEL_WIDTH_MAX ? `${label.slice(0, LABEL_WIDTH_MAX - 1)}…` : label,
      percent(measures.unservedRatio),
      ...(queues ? [percent(measures.lateRatio ?? 0)] : []),
      percent(measures.slackRatio),
      figure(measures.replicaHours),
      share === null ? '-' : percent(share),
      figure(measures.actions),
      figure(measures.reversalsPerDay),
      percent(measures.atMaximumRatio),
    ];
  };
  const rows = [
    head,
    ...runs.map(({ label, measures }) => row(label, measures)),
    row('oracle', oracle.measures),
  ];
  const widths = head.map((_, column) =>
    rows.reduce((most, cells) => Math.max(most, (cells[column] ?? '').length), 0),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
