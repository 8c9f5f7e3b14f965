/**
 * What runs pods for the objects that are scaled: as many as they say, the oldest kept, each without
 * an address first and ready a moment later. It updates the objects' status, too, and thereby their
 * version, as the real ones do under a writer's hands.
 */

import type { ApiObject, ObjectStore } from './fake-kubernetes-store.ts';

export interface Controller {
  /** The object has as many pods as it says, and they have come up. */
  settled(): boolean;
  stop(): void;
}

const STEP_MS = 5;

export function runController(store: ObjectStore, plurals: readonly string[]): Controller {
  const timers = new Set<NodeJS.Timeout>();
  let stopped = false;
  const later = (work: () => void): void => {
    if (stopped) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, STEP_MS);
    timers.add(timer);
  };

  const podsOf = (object: ApiObject): readonly ApiObject[] =>
    store
      .list('pods', object.metadata.namespace)
      .filter((pod) => pod.metadata.labels?.['app'] === object.metadata.name)
      .filter((pod) => pod.metadata.deletionTimestamp === undefined);

  const become = (pod: ApiObject): void => {
    const { namespace, name, uid } = pod.metadata;
    const found = store.find('pods', namespace, name);
    if (found === null || found.metadata.deletionTimestamp !== undefined) return;
    const number = Number(uid.replace('uid-', ''));
    store.update('pods', found, null, (changed) => {
      changed.status = {
        phase: 'Running',
        podIP: `10.0.${Math.floor(number / 250)}.${(number % 250) + 1}`,
        conditions: [{ type: 'Ready', status: 'True' }],
      };
    });
  };

  const reconcile = (object: ApiObject, plural: string): void => {
    const { namespace, name } = object.metadata;
    const pods = podsOf(object);
    const wanted = object.spec.replicas ?? 1;
    for (let missing = wanted - pods.length; missing > 0; missing -= 1) {
      const suffix = String(store.version);
      const pod = store.create(
        'pods',
        { kind: 'Pod', apiVersion: 'v1', spec: {}, status: { phase: 'Pending' } },
        { name: `${name}-${suffix}`, namespace, labels: { app: name } },
      );
      later(() => become(pod));
    }
    for (const pod of pods.slice(wanted)) {
      store.update('pods', pod, null, (changed) => {
        changed.metadata.deletionTimestamp = new Date().toISOString();
      });
      later(() => store.delete('pods', namespace, pod.metadata.name));
    }
    const found = store.find(plural, namespace, name);
    if (found === null) return;
    store.update(plural, found, null, (changed) => {
      changed.status['replicas'] = podsOf(found).length;
    });
  };

  const all = () =>
    plurals.flatMap((plural) => store.listAll(plural).map((object) => ({ plural, object })));

  const stopListening = store.listen(({ plural, type, object }) => {
    if (plurals.includes(plural) && type !== 'DELETED') {
      later(() => {
        const { namespace, name } = object.metadata;
        const found = store.find(plural, namespace, name);
        if (found !== null) reconcile(found, plural);
      });
    }
    if (plural === 'pods' && type === 'DELETED') {
      later(() => {
        for (const each of all()) {
          if (each.object.metadata.name === object.metadata.labels?.['app']) {
            reconcile(each.object, each.plural);
          }
        }
      });
    }
  });

  return {
    settled: () =>
      all().every(({ object }) => {
        const pods = podsOf(object);
        const areUp = pods.every((pod) => pod.status['phase'] === 'Running');
        return areUp && pods.length === (object.spec.replicas ?? 1);
      }),
    stop() {
      stopped = true;
      stopListening();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
