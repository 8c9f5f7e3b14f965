/**
 * An exporter of benchmarks, as a process of its own: the load of many workloads' replicas as one
 * gauge per replica, each workload a slow wave with a phase of its own and a replica's share of it.
 *
 * argv: how many workloads, and series of each.
 */

import { createServer } from 'node:http';
import process from 'node:process';
import { listenLocally } from './process.ts';

const PERIOD_MS = 600_000;
const [workloads = 0, seriesEach = 1] = process.argv.slice(2).map(Number);

/** Of one workload at one time, from 20 to 80. */
function loadAt(workload: number, atMs: number): number {
  const turn = atMs / PERIOD_MS + workload * 0.618;
  return 50 + 30 * Math.sin(2 * Math.PI * turn);
}

function exposition(atMs: number): string {
  const lines = ['# TYPE bench_load gauge'];
  for (let workload = 0; workload < workloads; workload += 1) {
    const share = (loadAt(workload, atMs) / seriesEach).toFixed(3);
    for (let replica = 0; replica < seriesEach; replica += 1) {
      lines.push(`bench_load{workload="w-${workload}",replica="${replica}"} ${share}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const server = createServer((_, response) => {
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  response.end(exposition(Date.now()));
});
const port = await listenLocally(server);
process.stdout.write(`port ${port}\n`);
