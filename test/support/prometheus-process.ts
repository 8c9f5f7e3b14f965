/** A real Prometheus for tests, on a port and in a directory of its own. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

export interface PrometheusProcess {
  readonly url: string;
  readonly running: RunningProcess;
  /** SIGKILL; resolves once it has ended. */
  kill(): Promise<void>;
  /** Value of an instant query's only sample; null without one. */
  value(query: string): Promise<number | null>;
}

/** Where a Prometheus keeps its files, and its port: what outlives the process. */
export interface PrometheusPlace {
  readonly directory: string;
  readonly port: number;
}

/** A configuration that scrapes one target (host:port) every second. */
export function scrapeConfigOf(target: string): string {
  return `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [test.rules.yml]
scrape_configs: [{ job_name: test, static_configs: [{ targets: ['${target}'] }] }]
`;
}

/** Writes the files; the same place may be started again and again, on the same port. */
export async function preparePrometheus(
  directory: string,
  config: string,
  rules: string,
): Promise<PrometheusPlace> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'prometheus.yml'), config);
  await writeFile(join(directory, 'test.rules.yml'), rules);
  return { directory, port: await freePort() };
}

/** Resolves once it is ready. */
export async function startPrometheus(
  place: PrometheusPlace,
  flags: readonly string[] = [],
): Promise<PrometheusProcess> {
  const url = `http://127.0.0.1:${place.port}`;
  const running = startProcess('prometheus', [
    `--config.file=${join(place.directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(place.directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${place.port}`,
    '--log.level=warn',
    ...flags,
  ]);
  await pollUntil('Prometheus is ready', 20_000, async () => {
    if (running.child.exitCode !== null) throw new Error(`Prometheus ended:\n${running.output()}`);
    const answer = await fetch(`${url}/-/ready`).catch(() => null);
    return answer?.ok;
  });
  return {
    url,
    running,
    kill: async () => {
      running.kill();
      await running.exit(10_000);
    },
    value: async (query) => {
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const body = (await answer.json()) as {
        readonly data: {
          readonly result: readonly { readonly value: readonly [number, string] }[];
        };
      };
      const sample = body.data.result[0];
      return sample === undefined ? null : Number(sample.value[1]);
    },
  };
}
