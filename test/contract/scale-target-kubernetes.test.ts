import { createKubernetesTarget } from '../../control-plane/adapters/kubernetes/target.ts';
import { startFakeKubernetes } from '../support/fake-kubernetes.ts';
import { kubernetesWorkload } from '../support/kubernetes-workload.ts';
import { reopened } from '../support/reopened-target.ts';
import type { StoppableTarget } from '../support/reopened-target.ts';
import { describeScaleTarget } from './scale-target.ts';

describeScaleTarget('deployments of a fake Kubernetes', async () => {
  const fake = await startFakeKubernetes();
  for (const name of ['inference', 'training']) fake.addDeployment('serving', name, 0);
  const path = await fake.writeKubeconfig();
  const open = async (): Promise<StoppableTarget> => {
    const target = createKubernetesTarget({
      access: { kind: 'kubeconfig', path, context: null },
      owner: 'contract',
      namespaces: ['serving'],
    });
    await target.start();
    return target;
  };
  return {
    ...(await reopened(open, () => fake.close())),
    onRemoval: 'release',
    workload: (id) => kubernetesWorkload(id),
    crash(replica) {
      fake.store.delete('pods', 'serving', replica.replicaId);
      return Promise.resolve();
    },
    stall: () => fake.stall(),
  };
});
