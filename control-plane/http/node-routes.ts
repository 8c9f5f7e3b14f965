/**
 * Nodes: what agents say (registration, heartbeat) and what is known of them. Registering what is
 * registered already commits nothing, so that a fleet that restarts does not flood the log.
 */

import { isDeepStrictEqual } from 'node:util';

import type { NodeHealth } from '../model/node.ts';
import type { Consensus } from '../ports/consensus.ts';
import {
  heartbeatDocument,
  nodeRegistration,
  parseHeartbeat,
  parseNodeRegistration,
} from '../schemas/node.ts';
import { nodePath, nodesQuery, nothing, servicesQuery } from '../schemas/query.ts';
import type { Committer } from './committer.ts';
import { HttpRefusal } from './errors.ts';
import { cutPage, memberOf, PAGE_HEADERS, pageReply, sortedValues } from './page.ts';
import type { PlaneViews } from './plane.ts';
import { nodeView, pageOf, registrationAnswer, services } from './representations.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Route } from './route.ts';

type PlaneState = ReturnType<Consensus['readState']>;
type NodeState = PlaneState['nodes'][string];

export function nodeRoutes(
  consensus: Consensus,
  views: PlaneViews,
  committer: Committer,
): readonly Route[] {
  return [
    listNodes(consensus, views),
    readNode(consensus, views),
    registerNode(consensus, views, committer),
    heartbeat(views),
    removeNode(committer),
    listServices(consensus, views),
  ];
}

function listNodes(consensus: Consensus, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/nodes',
    operationId: 'listNodes',
    tag: 'nodes',
    summary: 'Nodes with their health and its evidence, in the order of their ids',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: nodesQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of nodes',
        schema: pageOf(nodeView, 'NodePage'),
        headers: PAGE_HEADERS,
      },
    },
    answer: ({ query, raw }) => {
      const nodes = withHealth(consensus.readState(), views).filter(
        ({ node, health }) =>
          (query.status === undefined || health.status === query.status) &&
          (query.capability === undefined ||
            node.registration.capabilities.includes(query.capability)),
      );
      const page = cutPage(nodes, ({ node }) => node.registration.nodeId, query);
      const items = page.items.map(({ node, health }) => render(node, health));
      return pageReply(raw, items, page.nextAfterId);
    },
  });
}

function readNode(consensus: Consensus, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/nodes/{nodeId}',
    operationId: 'readNode',
    tag: 'nodes',
    summary: 'One node with its health and its evidence',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nodePath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The node', schema: nodeView } },
    problems: ['node_not_found'],
    answer: ({ path }) => {
      const node = memberOf(consensus.readState().nodes, path.nodeId);
      const health = views.nodeHealth(path.nodeId);
      if (node === null || health === null) throw nodeNotFound(path.nodeId);
      return json(render(node, health));
    },
  });
}

function registerNode(consensus: Consensus, views: PlaneViews, committer: Committer): Route {
  const answer = (nodeId: string, status: number) =>
    json({ nodeId, heartbeatIntervalMs: views.heartbeatIntervalMs }, status);
  return defineRoute({
    method: 'post',
    path: '/v1/nodes',
    operationId: 'registerNode',
    tag: 'nodes',
    summary: 'Registers a node, or changes its registration; the same again changes nothing',
    role: 'operator',
    answeredBy: 'leader',
    pathSchema: nothing,
    querySchema: nothing,
    command: true,
    body: { schema: nodeRegistration, parse: parseNodeRegistration },
    responses: {
      200: { description: 'The node was registered before', schema: registrationAnswer },
      201: { description: 'The node is registered', schema: registrationAnswer },
    },
    answer: async (call) => {
      const registration = call.body;
      const known = memberOf(consensus.readState().nodes, registration.nodeId);
      if (known !== null && isDeepStrictEqual(known.registration, registration)) {
        return answer(registration.nodeId, 200);
      }
      await committer.commit(call, (head) => ({ kind: 'register_node', ...head, registration }));
      return answer(registration.nodeId, known === null ? 201 : 200);
    },
  });
}

function heartbeat(views: PlaneViews): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/nodes/{nodeId}/heartbeat',
    operationId: 'sendHeartbeat',
    tag: 'nodes',
    summary: 'A sign of life, with the collectors that fail',
    role: 'operator',
    answeredBy: 'leader',
    repeatable: true,
    pathSchema: nodePath,
    querySchema: nothing,
    body: { schema: heartbeatDocument, parse: parseHeartbeat },
    responses: { 204: { description: 'Accepted' } },
    problems: ['node_not_found'],
    answer: ({ path, body }) => {
      if (!views.acceptHeartbeat({ nodeId: path.nodeId, ...body })) throw nodeNotFound(path.nodeId);
      return NO_CONTENT;
    },
  });
}

function removeNode(committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/nodes/{nodeId}',
    operationId: 'removeNode',
    tag: 'nodes',
    summary: 'Forgets a node; its agent, if it runs, registers again',
    role: 'operator',
    answeredBy: 'leader',
    pathSchema: nodePath,
    querySchema: nothing,
    command: true,
    body: NO_BODY,
    responses: { 204: { description: 'Forgotten' } },
    problems: ['node_not_found'],
    answer: async (call) => {
      const { nodeId } = call.path;
      await committer.commit(call, (head) => ({ kind: 'remove_node', ...head, nodeId }));
      return NO_CONTENT;
    },
  });
}

function listServices(consensus: Consensus, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/services',
    operationId: 'listServices',
    tag: 'nodes',
    summary: 'Who can do what: healthy nodes and ready replicas by capability',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: servicesQuery,
    body: NO_BODY,
    responses: { 200: { description: 'One element per capability', schema: services } },
    answer: ({ query }) => {
      const state = consensus.readState();
      const asked = query.capability === undefined ? capabilitiesOf(state) : [query.capability];
      return json({ items: asked.map((name) => serviceOf(name, state, views, query.limit)) });
    },
  });
}

function capabilitiesOf(state: PlaneState): readonly string[] {
  const ofNodes = Object.values(state.nodes).flatMap((node) => node.registration.capabilities);
  const ofWorkloads = Object.values(state.workloads).map((one) => one.workload.capability);
  return [...new Set([...ofNodes, ...ofWorkloads])].sort();
}

function serviceOf(capability: string, state: PlaneState, views: PlaneViews, limit: number) {
  const nodes = withHealth(state, views)
    .filter(
      ({ node, health }) =>
        health.status === 'healthy' && node.registration.capabilities.includes(capability),
    )
    .map(({ node: { registration } }) => ({
      nodeId: registration.nodeId,
      address: registration.address,
    }));
  const replicas = sortedValues(state.workloads)
    .filter(({ workload }) => workload.capability === capability)
    .flatMap(({ workload }) => views.replicas(workload.id))
    .filter(({ phase }) => phase === 'ready')
    .map(({ replicaId, workloadId, address }) => ({ replicaId, workloadId, address }));
  return {
    capability,
    healthyNodes: nodes.length,
    nodes: nodes.slice(0, limit),
    readyReplicas: replicas.length,
    replicas: replicas.slice(0, limit),
  };
}

/** A node that was removed between the two reads has no health and is left out. */
function withHealth(state: PlaneState, views: PlaneViews) {
  return sortedValues(state.nodes).flatMap((node) => {
    const health = views.nodeHealth(node.registration.nodeId);
    return health === null ? [] : [{ node, health }];
  });
}

function render(node: NodeState, health: NodeHealth) {
  return { ...node.registration, registeredAtMs: node.registeredAtMs, health };
}

function nodeNotFound(nodeId: string): HttpRefusal {
  return new HttpRefusal('node_not_found', `No node "${nodeId}" is registered.`);
}
