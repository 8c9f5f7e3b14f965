/**
 * What the servers of a Nomad cluster hold, as far as scaling needs it: jobs with an index that moves
 * with each registration, allocations that come up and are stopped, a deployment that blocks scaling
 * while it runs and takes the health of what it leaves in place away, and variables with their indexes.
 */

export interface FakeJob {
  readonly id: string;
  readonly namespace: string;
  type: string;
  stop: boolean;
  modifyIndex: number;
  jobModifyIndex: number;
  readonly counts: Map<string, number>;
  isDeploying: boolean;
  /** False: without an update block, so that Nomad makes no deployment of it. */
  readonly deploys: boolean;
  readonly events: { group: string; count: number | null; message: string; meta: unknown }[];
}

export interface FakeAllocation {
  readonly id: string;
  readonly job: FakeJob;
  readonly group: string;
  /** The number in its name: what is stopped first has the highest. */
  readonly slot: number;
  readonly createIndex: number;
  readonly createTimeNs: number;
  modifyIndex: number;
  desiredStatus: string;
  clientStatus: string;
  deploymentId: string;
  healthy: boolean | null;
  taskState: string;
}

export interface FakeVariable {
  readonly namespace: string;
  readonly path: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
  readonly items: Readonly<Record<string, string>>;
}

const STEP_MS = 5;

export class NomadState {
  readonly jobs = new Map<string, FakeJob>();
  readonly allocations = new Map<string, FakeAllocation>();
  readonly variables = new Map<string, FakeVariable>();
  /** Of the last change to each. */
  readonly indexes = { jobs: 1, allocations: 1, variables: 1 };
  /** Told of each count that has come to stand. */
  onCount: (count: number) => void = () => undefined;
  readonly #waiting = new Set<() => void>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #index = 100;
  #isClosed = false;
  #made = 0;

  get index(): number {
    return this.#index;
  }

  addJob(namespace: string, id: string, count: number, deploys = true): FakeJob {
    const index = this.#move('jobs');
    const job: FakeJob = {
      ...{ id, namespace, type: 'service', stop: false, isDeploying: false, events: [] },
      ...{
        modifyIndex: index,
        jobModifyIndex: index,
        counts: new Map([['server', count]]),
        deploys,
      },
    };
    this.jobs.set(`${namespace}/${id}`, job);
    this.#deploy(job);
    return job;
  }

  /** As a registration does: the job's index moves, also for the count that it has. */
  setCount(job: FakeJob, group: string, count: number): number {
    const index = this.#move('jobs');
    job.counts.set(group, count);
    this.onCount(count);
    job.jobModifyIndex = index;
    job.modifyIndex = index;
    this.#deploy(job);
    return index;
  }

  /** The job's status changes: its index moves, that of its registration does not. */
  touch(job: FakeJob): void {
    job.modifyIndex = this.#move('jobs');
  }

  /** Ends as a crash does, and is replaced outside of any deployment. */
  fail(id: string): void {
    const allocation = this.allocations.get(id);
    if (allocation === undefined) throw new Error(`there is no allocation ${id}`);
    this.#change(allocation, { clientStatus: 'failed', taskState: 'dead' });
    this.#later(() => this.#place(allocation.job, ''));
  }

  writeVariable(
    namespace: string,
    path: string,
    items: Readonly<Record<string, string>>,
  ): FakeVariable {
    const key = `${namespace}/${path}`;
    const modifyIndex = this.#move('variables');
    const createIndex = this.variables.get(key)?.createIndex ?? modifyIndex;
    const written = { namespace, path, items, createIndex, modifyIndex };
    this.variables.set(key, written);
    return written;
  }

  /** Resolves once `indexOf` has passed `index`, or after the wait. */
  async block(indexOf: () => number, index: number, waitMs: number): Promise<void> {
    const untilMs = performance.now() + waitMs;
    while (!this.#isClosed && indexOf() <= index && performance.now() < untilMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, untilMs - performance.now());
        const waiting = this.#waiting;
        waiting.add(done);
        function done(): void {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
      });
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const done of [...this.#waiting]) done();
  }

  #deploy(job: FakeJob): void {
    if (!job.deploys) {
      this.#later(() => this.#place(job, ''));
      return;
    }
    job.isDeploying = true;
    const deploymentId = `deployment-${job.jobModifyIndex}`;
    for (const allocation of this.#running(job)) {
      // Left in place by the registration: the new deployment finds out about its health anew.
      this.#change(allocation, { deploymentId, healthy: null });
      this.#later(() => {
        if (allocation.deploymentId === deploymentId) this.#change(allocation, { healthy: true });
        this.#endDeployment(job);
      });
    }
    this.#later(() => this.#place(job, deploymentId));
  }

  #place(job: FakeJob, deploymentId: string): void {
    for (const [group, wanted] of job.counts) {
      const running = this.#running(job).filter((allocation) => allocation.group === group);
      const free = Array.from({ length: wanted }, (_, slot) => slot).filter(
        (slot) => !running.some((allocation) => allocation.slot === slot),
      );
      const count = job.stop ? 0 : wanted;
      for (const slot of free.slice(0, Math.max(0, count - running.length))) {
        this.#start(job, group, slot, deploymentId);
      }
      const surplus = running.toSorted((a, b) => a.slot - b.slot).slice(count);
      for (const allocation of surplus) {
        this.#change(allocation, { desiredStatus: 'stop' });
        this.#later(() =>
          this.#change(allocation, { clientStatus: 'complete', taskState: 'dead' }),
        );
      }
    }
    this.#endDeployment(job);
  }

  #start(job: FakeJob, group: string, slot: number, deploymentId: string): void {
    this.#made += 1;
    const index = this.#move('allocations');
    const id = `00000000-0000-4000-8000-${String(this.#made).padStart(12, '0')}`;
    const allocation: FakeAllocation = {
      ...{ id, job, group, slot, deploymentId },
      ...{ createIndex: index, modifyIndex: index },
      createTimeNs: (1_700_000_000_000 + this.#made * 1_000) * 1e6,
      ...{ desiredStatus: 'run', clientStatus: 'pending', healthy: null, taskState: 'pending' },
    };
    this.allocations.set(id, allocation);
    this.#later(() => {
      if (allocation.desiredStatus !== 'run') return;
      this.#change(allocation, { clientStatus: 'running', taskState: 'running' });
      this.#later(() => {
        if (allocation.deploymentId !== '') this.#change(allocation, { healthy: true });
        this.#endDeployment(job);
      });
    });
  }

  #endDeployment(job: FakeJob): void {
    const running = this.#running(job);
    const wanted = [...job.counts.values()].reduce((sum, count) => sum + count, 0);
    const areSound = running.every(({ healthy, deploymentId }) => {
      return healthy === true || deploymentId === '';
    });
    if (running.length === wanted && areSound) job.isDeploying = false;
  }

  #running(job: FakeJob): readonly FakeAllocation[] {
    return [...this.allocations.values()].filter(
      (each) =>
        each.job === job &&
        each.desiredStatus === 'run' &&
        ['pending', 'running'].includes(each.clientStatus),
    );
  }

  #change(allocation: FakeAllocation, change: Partial<FakeAllocation>): void {
    Object.assign(allocation, change);
    allocation.modifyIndex = this.#move('allocations');
  }

  #move(table: keyof NomadState['indexes']): number {
    this.#index += 1;
    this.indexes[table] = this.#index;
    // Whoever waits sees the change whole.
    queueMicrotask(() => {
      for (const done of [...this.#waiting]) done();
    });
    return this.#index;
  }

  #later(work: () => void): void {
    if (this.#isClosed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, STEP_MS);
    this.#timers.add(timer);
  }
}
