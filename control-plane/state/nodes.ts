/** Registrations of nodes. Whether a node lives is evidence, and evidence is not replicated. */

import type { NodeRegistration } from '../model/node.ts';
import { sameContent } from './canonical.ts';
import { applied, refused } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { withEntry, withoutEntry } from './records.ts';
import type { PlaneState } from './state.ts';

/** An agent registers at each start: the same content again changes nothing, not even the time. */
export function registerNode(
  state: PlaneState,
  registration: NodeRegistration,
  atMs: number,
): Outcome {
  const known = state.nodes[registration.nodeId];
  if (known !== undefined && sameContent(known.registration, registration)) return applied(state);
  const node = { registration, registeredAtMs: atMs };
  return applied({ ...state, nodes: withEntry(state.nodes, registration.nodeId, node) });
}

export function removeNode(state: PlaneState, nodeId: string): Outcome {
  if (state.nodes[nodeId] === undefined) {
    return refused('node_not_found', `no node ${nodeId} is registered`);
  }
  return applied({ ...state, nodes: withoutEntry(state.nodes, nodeId) });
}
