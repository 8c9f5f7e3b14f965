/**
 * The calls on a task group: how many replicas its job gives it, another number for it under the index
 * at which the job was read, and its allocations. When which of the calls is due is decided elsewhere.
 */

import { z } from 'zod';
import { NomadError } from './api.ts';
import type { Blocking, Indexed, NomadApi, NomadRequest } from './api.ts';

/** A group by name, whether or not there is one. */
export interface GroupName {
  /** Null: the region of the agent that is asked. */
  readonly region: string | null;
  readonly namespace: string;
  readonly jobId: string;
  readonly group: string;
}

export interface Group {
  readonly count: number;
  /** Of the job; it moves with each registration, and with nothing else. */
  readonly jobModifyIndex: number;
}

export interface AllocationStub {
  readonly id: string;
  readonly modifyIndex: number;
  readonly createdAtMs: number;
  /** run, stop or evict. */
  readonly desiredStatus: string;
  /** pending, running, complete, failed, lost or unknown. */
  readonly clientStatus: string;
  /** As its deployment found it; null where that has said nothing. */
  readonly healthy: boolean | null;
  /** pending, running or dead, by task. */
  readonly tasks: Readonly<Record<string, string>>;
}

/** What of an allocation its list does not tell. */
export interface AllocationDetail {
  /** host:port by the port's label. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly isDeployed: boolean;
  /** It is older than its job's last registration, which has left it in service. */
  readonly isUpdatedInPlace: boolean;
  /** Those that run for as long as it serves. */
  readonly mainTasks: readonly string[];
}

export function nameOf({ region, namespace, jobId, group }: GroupName): string {
  const job = `${region === null ? '' : `${region}/`}${namespace}/${jobId}`;
  return `the group ${group} of the job ${job}`;
}

export function isSame(a: GroupName, b: GroupName): boolean {
  const isSamePlace = a.region === b.region && a.namespace === b.namespace;
  return isSamePlace && a.jobId === b.jobId && a.group === b.group;
}

const jobSchema = z.object({
  JobModifyIndex: z.number().int().positive(),
  Type: z.string(),
  Stop: z.boolean().nullish(),
  TaskGroups: z.array(z.object({ Name: z.string(), Count: z.number().int().nonnegative() })),
});

const scaledSchema = z.object({ JobModifyIndex: z.number() });

const stubSchema = z
  .object({
    ID: z.string(),
    ModifyIndex: z.number(),
    CreateTime: z.number(),
    TaskGroup: z.string(),
    DesiredStatus: z.string(),
    ClientStatus: z.string(),
    DeploymentStatus: z.object({ Healthy: z.boolean().nullish() }).nullish(),
    TaskStates: z.record(z.string(), z.object({ State: z.string() })).nullish(),
  })
  .transform((stub): AllocationStub & { readonly group: string } => ({
    id: stub.ID,
    modifyIndex: stub.ModifyIndex,
    createdAtMs: Math.floor(stub.CreateTime / 1e6),
    group: stub.TaskGroup,
    desiredStatus: stub.DesiredStatus,
    clientStatus: stub.ClientStatus,
    healthy: stub.DeploymentStatus?.Healthy ?? null,
    tasks: Object.fromEntries(
      Object.entries(stub.TaskStates ?? {}).map(([task, { State }]) => [task, State]),
    ),
  }));

const portSchema = z.object({ Label: z.string(), Value: z.number() });
const networkSchema = z.object({
  IP: z.string().optional(),
  DynamicPorts: z.array(portSchema).nullish(),
  ReservedPorts: z.array(portSchema).nullish(),
});
const detailSchema = z.object({
  CreateIndex: z.number(),
  DeploymentID: z.string().nullish(),
  TaskGroup: z.string(),
  Job: z
    .object({
      JobModifyIndex: z.number().optional(),
      TaskGroups: z
        .array(
          z.object({
            Name: z.string(),
            Tasks: z
              .array(
                z.object({
                  Name: z.string(),
                  Lifecycle: z.object({ Sidecar: z.boolean().nullish() }).nullish(),
                }),
              )
              .nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
  AllocatedResources: z
    .object({
      Shared: z
        .object({
          Networks: z.array(networkSchema).nullish(),
          Ports: z.array(portSchema.extend({ HostIP: z.string().optional() })).nullish(),
        })
        .nullish(),
      Tasks: z
        .record(z.string(), z.object({ Networks: z.array(networkSchema).nullish() }))
        .nullish(),
    })
    .nullish(),
});

export class Groups {
  readonly #api: NomadApi;
  readonly #itemsMax: number;

  constructor(api: NomadApi, itemsMax: number) {
    this.#api = api;
    this.#itemsMax = itemsMax;
  }

  /** Rejects with NomadError; `refused` for a job that cannot be scaled as it is. */
  async read(name: GroupName, blocking: Blocking, signal: AbortSignal): Promise<Indexed<Group>> {
    const request = this.#request(name, 'GET', `read ${nameOf(name)}`, 'read-job', '');
    const { value: job, index } = await this.#api.query(request, jobSchema, blocking, signal);
    const group = job.TaskGroups.find(({ Name }) => Name === name.group);
    if (group === undefined)
      throw new NomadError('missing', `there is no ${nameOf(name).slice(4)}`);
    if (job.Type === 'system' || job.Type === 'sysbatch') {
      const detail = `${nameOf(name)}: a job of the type ${job.Type} has one of each per node`;
      throw new NomadError('refused', detail);
    }
    if (job.Stop === true) {
      const detail = `${nameOf(name)}: the job is stopped; run it again, or remove its workload`;
      throw new NomadError('refused', detail);
    }
    return { value: { count: group.Count, jobModifyIndex: job.JobModifyIndex }, index };
  }

  /** Only while the job is as it was read. Answers with the index that it has brought the job to. */
  async scale(
    name: GroupName,
    { count, jobModifyIndex }: Group,
    why: { readonly message: string; readonly meta: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<number> {
    const doing = `scale ${nameOf(name)}`;
    const request = this.#request(name, 'POST', doing, 'scale-job', '/scale');
    const body = {
      Count: count,
      Target: { Job: name.jobId, Group: name.group },
      JobModifyIndex: jobModifyIndex,
      ...{ Message: why.message, Meta: why.meta, Error: false, PolicyOverride: false },
    };
    const { value } = await this.#api.call({ ...request, body }, scaledSchema, signal);
    return value.JobModifyIndex;
  }

  async allocations(
    name: GroupName,
    blocking: Blocking,
    signal: AbortSignal,
  ): Promise<Indexed<readonly AllocationStub[]>> {
    const doing = `list the allocations of ${nameOf(name)}`;
    const request = this.#request(name, 'GET', doing, 'read-job', '/allocations');
    const { value, index } = await this.#api.query(request, z.array(stubSchema), blocking, signal);
    if (value.length > this.#itemsMax) {
      throw new NomadError('refused', `${doing}: there are more than ${this.#itemsMax}`);
    }
    return { value: value.filter(({ group }) => group === name.group), index };
  }

  async allocation(name: GroupName, id: string, signal: AbortSignal): Promise<AllocationDetail> {
    const { value } = await this.#api.call(
      {
        ...this.#request(name, 'GET', `read the allocation ${id}`, 'read-job', ''),
        path: `/v1/allocation/${encodeURIComponent(id)}`,
      },
      detailSchema,
      signal,
    );
    const tasks = value.Job?.TaskGroups?.find(({ Name }) => Name === value.TaskGroup)?.Tasks ?? [];
    return {
      addresses: addressesOf(value),
      isDeployed: (value.DeploymentID ?? '') !== '',
      isUpdatedInPlace: value.CreateIndex < (value.Job?.JobModifyIndex ?? 0),
      mainTasks: tasks
        .filter(({ Lifecycle }) => (Lifecycle ?? null) === null || Lifecycle?.Sidecar === true)
        .map(({ Name }) => Name),
    };
  }

  #request(
    { region, namespace, jobId }: GroupName,
    method: NomadRequest['method'],
    doing: string,
    capability: string,
    path: string,
  ): NomadRequest {
    return {
      ...{ method, doing },
      grant: `the capability ${capability} in the namespace ${namespace}`,
      path: `/v1/job/${encodeURIComponent(jobId)}${path}`,
      query: { namespace, ...(region !== null && { region }) },
    };
  }
}

function addressesOf({
  AllocatedResources: resources,
}: z.infer<typeof detailSchema>): Record<string, string> {
  const networks = [
    ...Object.values(resources?.Tasks ?? {}).flatMap(({ Networks }) => Networks ?? []),
    ...(resources?.Shared?.Networks ?? []),
  ];
  const labelled = networks.flatMap(({ IP, DynamicPorts, ReservedPorts }) =>
    [...(DynamicPorts ?? []), ...(ReservedPorts ?? [])].map((port) => ({ ...port, HostIP: IP })),
  );
  // Ports of the group say themselves at which of the host's addresses they are.
  const ports = [...labelled, ...(resources?.Shared?.Ports ?? [])];
  return Object.fromEntries(
    ports.flatMap(({ Label, Value, HostIP }) => {
      if (HostIP === undefined || HostIP === '') return [];
      const host = HostIP.includes(':') ? `[${HostIP}]` : HostIP;
      return [[Label, `${host}:${Value}`]];
    }),
  );
}
