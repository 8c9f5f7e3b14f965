/**
 * A fleet of agents and a control plane as a real process: what the registry and the discovery say
 * while agents come, fall silent and are removed, and while the plane is killed and started anew.
 * The tests are one story, in order.
 */

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NodeRegistration } from '../../../control-plane/model/node.ts';
import { startFleet } from '../../support/agent-fleet.ts';
import type { Fleet, FleetExchange, SimulatedAgent } from '../../support/agent-fleet.ts';
import { planePlace, startPlane } from '../../support/plane-process.ts';
import type { PlanePlace, PlaneProcess } from '../../support/plane-process.ts';
import { freePort, isInstalled, pollUntil } from '../../support/process.ts';
import { preparePrometheus, startPrometheus } from '../../support/prometheus-process.ts';
import { skipBecause } from '../../support/skip.ts';

const AGENTS = 30;
const WITHIN_MS = 15_000;
const EXPOSITION = '# TYPE omnimind_node_load1 gauge\nomnimind_node_load1 0.5\n';

interface Node extends NodeRegistration {
  readonly registeredAtMs: number;
  readonly health: { readonly status: string; readonly evidence: string };
}

describe(`a fleet of ${AGENTS} agents and the control plane`, function () {
  this.timeout(60_000);
  const exchanges: FleetExchange[] = [];
  let place: PlanePlace;
  let plane: PlaneProcess;
  let fleet: Fleet;

  const agentAt = (at: number): SimulatedAgent => {
    const agent = fleet.agents[at];
    if (agent === undefined) throw new Error(`there is no agent ${at}`);
    return agent;
  };
  const nodes = async (): Promise<readonly Node[]> =>
    (await plane.get<{ items: readonly Node[] }>('/v1/nodes?limit=500')).items;
  const discovered = () =>
    plane.get<readonly { readonly targets: readonly string[]; readonly labels: object }[]>(
      '/v1/discovery/prometheus?kind=agents',
    );
  const untilHealthy = (count: number) =>
    pollUntil(`${count} nodes are healthy`, WITHIN_MS, async () => {
      const all = await nodes();
      return all.filter(({ health }) => health.status === 'healthy').length === count ? all : null;
    });
  const answers = (agent: SimulatedAgent, sinceMs: number) =>
    exchanges
      .filter(({ nodeId, startedAtMs }) => nodeId === agent.nodeId && startedAtMs >= sinceMs)
      .map(({ kind, answer }) => `${kind} ${answer}`);

  before(async () => {
    place = await planePlace({
      prometheusUrl: 'http://127.0.0.1:1',
      tickInterval: '10s',
      prometheusTimeout: '1s',
      settings: {
        // The same after its restart, since agents are told an address once.
        OMNIMIND_LISTEN: `127.0.0.1:${await freePort()}`,
        OMNIMIND_HEARTBEAT_INTERVAL: '1s',
        OMNIMIND_NODE_STALE_AFTER: '2s',
        OMNIMIND_NODE_UNREACHABLE_AFTER: '5s',
        // Neither workloads nor a database: nodes alone.
        OMNIMIND_DOCUMENTS_DIR: '',
        OMNIMIND_LOCAL_PROCESS: 'off',
        OMNIMIND_DATABASE_URL: 'postgres://127.0.0.1:1/none',
      },
      policy: {},
    });
    plane = await startPlane(place);
    fleet = await startFleet({
      count: AGENTS,
      planeUrl: plane.url,
      exposition: EXPOSITION,
      labelsOf: (at) => ({ rack: `r${at % 3}` }),
      onExchange: (exchange) => exchanges.push(exchange),
    });
  });

  after(async () => {
    await fleet.stop();
    plane.running.kill();
    await plane.running.exit(5_000);
    await rm(dirname(place.data), { recursive: true, force: true });
  });

  it('lists every agent that registered as healthy, with what it said of itself', async () => {
    await fleet.startRegistering();
    const all = await untilHealthy(AGENTS);
    assert.deepEqual(
      all.map(({ nodeId, address, labels }) => ({ nodeId, address, labels })),
      fleet.agents.map(({ nodeId, address }, at) => {
        return { nodeId, address, labels: { rack: `r${at % 3}` } };
      }),
    );
    const registrations = exchanges.filter(({ kind }) => kind === 'registration');
    assert.deepEqual(
      registrations.map(({ answer }) => answer),
      fleet.agents.map(() => 201),
    );
  });

  it('hands all of them to Prometheus with their labels', async () => {
    const groups = await discovered();
    assert.deepEqual(
      groups.toSorted((a, b) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1)),
      fleet.agents.map(({ nodeId, address }, at) => ({
        targets: [address],
        labels: {
          __meta_omnimind_node: nodeId,
          node: nodeId,
          omnimind_label_rack: `r${at % 3}`,
        },
      })),
    );
  });

  it('is scraped by a real Prometheus that asks the plane for its targets', async function () {
    if (!isInstalled('prometheus')) skipBecause(this, 'prometheus is not installed');
    const directory = join(dirname(place.data), 'prometheus');
    const http_sd_configs = `[{ url: '${plane.url}/v1/discovery/prometheus?kind=agents', refresh_interval: 1s }]`;
    const config = `
      global: { scrape_interval: 1s, scrape_timeout: 1s }
      scrape_configs: [{ job_name: agents, http_sd_configs: ${http_sd_configs} }]`;
    const prometheus = await startPrometheus(await preparePrometheus(directory, config, ''));
    try {
      const scraped = `count(omnimind_node_load1{node=~"host-.+", omnimind_label_rack=~"r[012]"})`;
      await pollUntil('all agents are scraped', WITHIN_MS, async () => {
        return (await prometheus.value(scraped)) === AGENTS;
      });
      assert.equal(await prometheus.value('sum(up{job="agents"})'), AGENTS);
    } finally {
      prometheus.running.kill();
      await prometheus.running.exit(5_000);
    }
  });

  it('calls a silent agent stale, then unreachable, and keeps it in the discovery', async () => {
    const silent = agentAt(3);
    await silent.stopRegistering();
    const seen: string[] = [];
    const last = await pollUntil('it is unreachable', WITHIN_MS, async () => {
      const node = await plane.get<Node>(`/v1/nodes/${silent.nodeId}`);
      if (seen.at(-1) !== node.health.status) seen.push(node.health.status);
      return node.health.status === 'unreachable' ? node : null;
    });
    assert.deepEqual(seen, ['healthy', 'stale', 'unreachable']);
    assert.match(last.health.evidence, /last heartbeat \d+\.\d s ago/);
    const groups = await discovered();
    assert.ok(groups.some(({ targets }) => targets.includes(silent.address)));
    await untilHealthy(AGENTS - 1);
  });

  it('knows the fleet after kill -9, which carries on without registering again', async () => {
    const before = await nodes();
    plane.running.kill();
    await plane.running.exit(5_000);
    const killedAtMs = performance.now();
    plane = await startPlane(place);
    const after = await nodes();
    const known = ({ nodeId, registeredAtMs }: Node) => `${nodeId} since ${registeredAtMs}`;
    assert.deepEqual(after.map(known), before.map(known));
    const speaking = fleet.agents.filter((agent) => agent !== agentAt(3));
    await pollUntil('heartbeats of all are taken', WITHIN_MS, () =>
      speaking.every((agent) => answers(agent, killedAtMs).includes('heartbeat 204')),
    );
    const registrations = exchanges.filter(
      ({ kind, startedAtMs }) => kind === 'registration' && startedAtMs >= killedAtMs,
    );
    assert.deepEqual(registrations, []);
  });

  it('takes a removed node back when its agent learns of it from the next heartbeat', async () => {
    const removed = agentAt(7);
    const known = await plane.get<Node>(`/v1/nodes/${removed.nodeId}`);
    const removedAtMs = performance.now();
    const answer = await fetch(`${plane.url}/v1/nodes/${removed.nodeId}`, { method: 'DELETE' });
    assert.equal(answer.status, 204);
    const story = await pollUntil('it is back', WITHIN_MS, () => {
      const told = answers(removed, removedAtMs);
      return told.includes('registration 201') && told.at(-1) === 'heartbeat 204' ? told : null;
    });
    // A heartbeat may have been under way while the node was removed.
    const fromRefusal = story.slice(story.indexOf('heartbeat 404'));
    assert.deepEqual(fromRefusal.slice(0, 3), [
      'heartbeat 404',
      'registration 201',
      'heartbeat 204',
    ]);
    const again = await plane.get<Node>(`/v1/nodes/${removed.nodeId}`);
    assert.equal(again.health.status, 'healthy');
    assert.ok(again.registeredAtMs > known.registeredAtMs, 'it was registered anew');
    assert.equal((await discovered()).length, AGENTS);
  });
});
