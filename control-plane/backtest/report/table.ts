/** The policies beside each other and beside the oracle, in numbers, as a part of the report's page. */

import type { BacktestResult, Measures } from '../../model/backtest.ts';
import { escapeHtml, figure, percent } from './format.ts';
import { bestOf, savings } from './headline.ts';

interface Column {
  readonly title: string;
  readonly text: (measures: Measures) => string;
  /** Smaller is better; absent where neither is. */
  readonly rank?: (measures: Measures) => number;
}

export function comparison(result: BacktestResult): string {
  const columns = columnsOf(result);
  const head = columns.map(({ title }) => `<th>${title}</th>`).join('');
  const best = columns.map(({ rank, text }) =>
    rank === undefined ? null : bestOf(result, rank, text),
  );
  const rows = result.runs.map(({ label, measures }) => {
    const cells = columns.map(({ text }, index) => {
      const isBest = best[index]?.has(label) === true;
      return `<td${isBest ? ' class="best"' : ''}>${text(measures)}</td>`;
    });
    return `<tr><td class="name">${escapeHtml(label)}</td>${cells.join('')}</tr>`;
  });
  const oracle = columns.map(({ text }) => `<td>${text(result.oracle.measures)}</td>`).join('');
  return [
    '<h2>Side by side</h2><div class="wide"><table>',
    `<tr><th>policy</th>${head}</tr>${rows.join('')}`,
    `<tr class="oracle"><td class="name">the oracle, which knows the future</td>${oracle}</tr>`,
    '</table></div>',
  ].join('\n');
}

function columnsOf({ oracle, plant }: BacktestResult): readonly Column[] {
  const late: Column = {
    title: 'late %',
    text: ({ lateRatio }) => percent(lateRatio ?? 0),
    rank: ({ lateRatio }) => lateRatio ?? 0,
  };
  return [
    {
      title: 'unserved %',
      text: ({ unservedRatio }) => percent(unservedRatio),
      rank: ({ unservedRatio }) => unservedRatio,
    },
    ...(plant.overload.kind === 'queue' ? [late] : []),
    {
      title: 'slack %',
      text: ({ slackRatio }) => percent(slackRatio),
      rank: ({ slackRatio }) => slackRatio,
    },
    {
      title: 'replica-hours',
      text: ({ replicaHours }) => figure(replicaHours),
      rank: ({ replicaHours }) => replicaHours,
    },
    {
      title: 'the oracle<br>saves %',
      text: (measures) => {
        const share = savings(measures, oracle.measures);
        return share === null || measures === oracle.measures ? '–' : percent(share);
      },
    },
    { title: 'actions', text: ({ actions }) => figure(actions), rank: ({ actions }) => actions },
    {
      title: 'reversals<br>a day',
      text: ({ reversalsPerDay }) => figure(reversalsPerDay),
      rank: ({ reversalsPerDay }) => reversalsPerDay,
    },
    { title: 'time at<br>maximum %', text: ({ atMaximumRatio }) => percent(atMaximumRatio) },
    { title: 'most<br>replicas', text: ({ replicasPeak }) => figure(replicasPeak) },
  ];
}
