import { createNomadTarget } from '../../../../../control-plane/adapters/nomad/target.ts';
import { startFakeNomad } from '../../../../support/fake-nomad.ts';
import { nomadWorkload } from '../../../../support/nomad-workload.ts';
import type { Raced, RaceField } from '../../../../support/race.ts';
import { describeLateWrite, describeRace } from '../../../../support/race.ts';

describe('fencing on Nomad', () => {
  const open = async ({ hold, written }: Raced): Promise<RaceField> => {
    const fake = await startFakeNomad({
      onRequest: ({ query, capability }) => (query.has('index') ? undefined : hold(capability)),
    });
    const job = fake.state.addJob('serving', 'inference', 1, false);
    fake.state.onCount = (count) => written(count);
    const targets = await Promise.all(
      [1, 2, 3].map(async () => {
        const target = createNomadTarget({
          ...{ address: fake.address, tokenFile: null, tls: null },
          ...{ owner: 'race', namespaces: ['serving'] },
          limits: { attemptsMax: 50, pauseMs: 5 },
        });
        await target.start();
        return target;
      }),
    );
    return {
      targets,
      workload: nomadWorkload('inference'),
      count: () => job.counts.get('server') ?? 0,
      async close() {
        await Promise.all(targets.map((target) => target.stop()));
        await fake.close();
      },
    };
  };

  for (const capability of ['variables:write', 'scale-job']) describeLateWrite(capability, open);
  describeRace('a task group', open);
});
