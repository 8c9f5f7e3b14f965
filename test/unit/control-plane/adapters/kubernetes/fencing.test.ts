import { createKubernetesTarget } from '../../../../../control-plane/adapters/kubernetes/target.ts';
import { startFakeKubernetes } from '../../../../support/fake-kubernetes.ts';
import { kubernetesWorkload } from '../../../../support/kubernetes-workload.ts';
import type { Raced, RaceField } from '../../../../support/race.ts';
import { describeLateWrite, describeRace } from '../../../../support/race.ts';

describe('fencing on Kubernetes', () => {
  const open = async ({ hold, written }: Raced): Promise<RaceField> => {
    const fake = await startFakeKubernetes({
      onRequest: ({ access }) => (access.startsWith('watch') ? undefined : hold(access)),
    });
    fake.addDeployment('serving', 'inference', 1);
    let count = 1;
    fake.store.listen(({ plural, object }) => {
      const { replicas } = object.spec;
      if (plural !== 'deployments' || replicas === undefined || replicas === count) return;
      count = replicas;
      written(replicas);
    });
    const path = await fake.writeKubeconfig();
    const targets = await Promise.all(
      [1, 2, 3].map(async () => {
        const target = createKubernetesTarget({
          access: { kind: 'kubeconfig', path, context: null },
          ...{ owner: 'race', namespaces: ['serving'], limits: { attemptsMax: 50 } },
        });
        await target.start();
        return target;
      }),
    );
    return {
      targets,
      workload: kubernetesWorkload('inference'),
      count: () => fake.replicasOf('serving', 'inference'),
      async close() {
        await Promise.all(targets.map((target) => target.stop()));
        await fake.close();
      },
    };
  };

  for (const access of ['patch deployments', 'update deployments/scale']) {
    describeLateWrite(access, open);
  }
  describeRace('a Deployment', open);
});
