import { createKubernetesTarget } from '../../control-plane/adapters/kubernetes/target.ts';
import type { KubernetesScaleTarget } from '../../control-plane/adapters/kubernetes/target.ts';
import { startFakeKubernetes } from '../support/fake-kubernetes.ts';
import { kubernetesWorkload } from '../support/kubernetes-workload.ts';
import { describeScaleTarget } from './scale-target.ts';

describeScaleTarget('deployments of a fake Kubernetes', async () => {
  const fake = await startFakeKubernetes();
  for (const name of ['inference', 'training']) fake.addDeployment('serving', name, 0);
  const path = await fake.writeKubeconfig();
  const open = async (): Promise<KubernetesScaleTarget> => {
    const target = createKubernetesTarget({
      access: { kind: 'kubeconfig', path, context: null },
      owner: 'contract',
      namespaces: ['serving'],
    });
    await target.start();
    return target;
  };
  let target = await open();
  return {
    target,
    onRemoval: 'release',
    workload: (id) => kubernetesWorkload(id),
    crash(replica) {
      fake.store.delete('pods', 'serving', replica.replicaId);
      return Promise.resolve();
    },
    stall: () => fake.stall(),
    async restart() {
      await target.stop();
      target = await open();
      return target;
    },
    async close() {
      await target.stop();
      await fake.close();
    },
  };
});
