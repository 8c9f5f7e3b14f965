/** The options of `npm start -- …`: parsed, or refused with every problem at once. */

import { parseArgs } from 'node:util';

export interface StartOptions {
  readonly kind: 'start';
  /** Folder of the data, the logs and the lock; null for the default. */
  readonly data: string | null;
  /** Begin without the data of earlier runs. */
  readonly fresh: boolean;
  /** Choose free ports at once instead of trying the usual ones first. */
  readonly freePorts: boolean;
  readonly load: boolean;
  readonly seed: number;
  /** Members of the control plane. */
  readonly members: MemberCount;
}

/** The stack of docker-compose.yml instead of processes. */
export interface DockerOptions {
  readonly kind: 'docker';
  readonly action: 'up' | 'down';
  /** With the workload, its front and its users. */
  readonly demo: boolean;
}

export const MEMBER_COUNTS = [1, 3, 5] as const;
export type MemberCount = (typeof MEMBER_COUNTS)[number];

export type ParsedOptions =
  | StartOptions
  | DockerOptions
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly message: string };

export const HELP = `npm start -- [options]

Brings up Prometheus, the control plane, an agent, and a demo workload under load, all on
127.0.0.1, then prints one line per decision that acts. Ctrl-C stops all of it.

  --members N    members of the control plane: 1, 3 or 5 (default 1). The data of a cluster stays
                 in its own folder, --data/members-N
  --data DIR     folder of the data, logs and lock (default .data/start)
  --fresh        begin without the data of earlier runs
  --free-ports   choose free ports at once instead of trying 7400, 7410, 7420, 7421 and 9090 first;
                 with several members also 7401 to 7404, and 7450 to 7454 between members
  --no-load      no load generator: send requests to the front yourself
  --seed N       seed of the load, 0 to 4294967295 (default 1)
  --docker       in containers instead: makes the secrets that are missing, builds the images, brings
                 docker-compose.yml up with the demo (without it: --no-load) and goes when all is
                 healthy. No other option goes with it but
  --down         end these containers, replicas included; what they stored stays
  --help         this text

With several members one leads and decides, and any of them answers. GET /v1/members on any says
who they are and how far each is. To see an election, end the leader (the start prints its process
id; kill -9 is fine): another leads within a second, the replicas go on, the member comes back, and
GET /v1/elections says how that election went, vote by vote.

Settings of the control plane and the agent (OMNIMIND_…) are taken from the environment, e.g.
OMNIMIND_DATABASE_URL=postgres://… npm start`;

export function parseOptions(args: readonly string[]): ParsedOptions {
  const parsed = parse(args);
  if (parsed.kind === 'refused') return parsed;
  const { values } = parsed;
  if (values.help === true) return { kind: 'help' };
  if (values.docker === true) return parseDocker(values);
  if (values.down === true) {
    return { kind: 'refused', message: '--down goes with --docker; Ctrl-C ends any other start' };
  }
  const seed = Number(values.seed ?? 1);
  if (!Number.isInteger(seed) || seed < 0 || seed > 2 ** 32 - 1) {
    return { kind: 'refused', message: '--seed takes an integer from 0 to 4294967295' };
  }
  const members = MEMBER_COUNTS.find((count) => String(count) === (values.members ?? '1'));
  if (members === undefined) {
    const message =
      '--members takes 1, 3 or 5: an even number survives no more failures than one fewer';
    return { kind: 'refused', message };
  }
  if (values.data === '') return { kind: 'refused', message: '--data takes a folder' };
  return {
    kind: 'start',
    data: values.data ?? null,
    fresh: values.fresh === true,
    freePorts: values['free-ports'] === true,
    load: values['no-load'] !== true,
    seed,
    members,
  };
}

function parseDocker(values: Readonly<Record<string, unknown>>): ParsedOptions {
  const others = Object.keys(values).filter(
    (name) => !['docker', 'down', 'no-load'].includes(name),
  );
  if (others.length > 0) {
    const names = others.map((name) => `--${name}`).join(', ');
    return { kind: 'refused', message: `${names} does not go with --docker` };
  }
  const action = values['down'] === true ? 'down' : 'up';
  return { kind: 'docker', action, demo: values['no-load'] !== true };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        data: { type: 'string' },
        fresh: { type: 'boolean' },
        'free-ports': { type: 'boolean' },
        'no-load': { type: 'boolean' },
        seed: { type: 'string' },
        members: { type: 'string' },
        docker: { type: 'boolean' },
        down: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return { kind: 'parsed' as const, values };
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    return { kind: 'refused' as const, message: `${sentence}; see npm start -- --help` };
  }
}
