/** Ways to take a container away for a while, each with the way back. */

import { output } from './compose-stack.ts';

export const OUTAGES = ['kill', 'pause', 'disconnect'] as const;
export type Outage = (typeof OUTAGES)[number];

/** Resolves, once it is away, to what brings it back. */
export async function takeAway(
  container: string,
  service: string,
  outage: Outage,
): Promise<() => Promise<void>> {
  switch (outage) {
    case 'kill':
      await output('docker', 'kill', container);
      return async () => {
        await output('docker', 'start', container);
      };
    case 'pause':
      await output('docker', 'pause', container);
      return async () => {
        await output('docker', 'unpause', container);
      };
    case 'disconnect': {
      const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}';
      const names = (await output('docker', 'inspect', '--format', format, container)).split(' ');
      const networks = names.filter((name) => name !== '');
      for (const network of networks)
        await output('docker', 'network', 'disconnect', network, container);
      return async () => {
        for (const network of networks) {
          await output('docker', 'network', 'connect', '--alias', service, network, container);
        }
      };
    }
  }
}
