import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createNomadTarget } from '../../control-plane/adapters/nomad/target.ts';
import { startFakeNomad } from '../support/fake-nomad.ts';
import { nomadWorkload } from '../support/nomad-workload.ts';
import { reopened } from '../support/reopened-target.ts';
import type { StoppableTarget } from '../support/reopened-target.ts';
import { describeScaleTarget } from './scale-target.ts';

describeScaleTarget('task groups of a fake Nomad', async () => {
  const fake = await startFakeNomad({ token: 'sesame' });
  // Nomad refuses to scale a job while a deployment of it runs: these have none.
  for (const id of ['inference', 'training']) fake.state.addJob('serving', id, 0, false);
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-nomad-'));
  const tokenFile = join(directory, 'token');
  await writeFile(tokenFile, 'sesame\n');
  const open = async (): Promise<StoppableTarget> => {
    const target = createNomadTarget({
      ...{ address: fake.address, tokenFile, tls: null },
      ...{ owner: 'contract', namespaces: ['serving'] },
      limits: { pauseMs: 5 },
    });
    await target.start();
    return target;
  };
  return {
    ...(await reopened(open, async () => {
      await fake.close();
      await rm(directory, { recursive: true, force: true });
    })),
    onRemoval: 'release',
    workload: (id) => nomadWorkload(id),
    crash(replica) {
      fake.state.fail(replica.replicaId);
      return Promise.resolve();
    },
    stall: () => fake.stall(),
  };
});
