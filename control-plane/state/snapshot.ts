/**
 * The state as one JSON document and back, exactly. Decoding takes nothing on trust but the
 * meaning: every field is checked for its shape, and a document of a newer format is refused rather
 * than half understood.
 */

import { canonicalJson } from './canonical.ts';
import {
  brakesShape,
  inFlightShape,
  modeShape,
  policyShape,
  registrationShape,
  tokenShape,
  workloadShape,
} from './model-shape.ts';
import { copyRecord } from './records.ts';
import { ShapeError, count, finite, listOf, mapOf, nullable } from './shape.ts';
import { objectOf, oneOf, text, withShape } from './shape.ts';
import { INITIAL_STATE } from './state.ts';
import type { AppliedKey, NodeState, PlaneState, WorkloadState } from './state.ts';

const stateShape = objectOf<PlaneState>({
  formatVersion: oneOf([INITIAL_STATE.formatVersion]),
  mode: modeShape,
  nodes: mapOf(objectOf<NodeState>({ registration: registrationShape, registeredAtMs: finite })),
  workloads: mapOf(
    objectOf<WorkloadState>({
      workload: workloadShape,
      version: count,
      mode: modeShape,
      desired: count,
      desiredToken: tokenShape,
      inFlight: nullable(inFlightShape),
    }),
  ),
  policies: mapOf(objectOf({ policy: policyShape, version: count })),
  brakes: mapOf(brakesShape),
  appliedKeys: listOf(objectOf<AppliedKey>({ key: text, version: count })),
});

export function encodeState(state: PlaneState): string {
  return JSON.stringify(state);
}

/**
 * @throws ShapeError when it is no JSON, of a newer format, or of another shape.
 */
export function decodeState(encoded: string): PlaneState {
  const value = parseJson(encoded);
  refuseNewerFormat(value);
  const state = withShape('snapshot', stateShape, value);
  return {
    ...state,
    nodes: copyRecord(state.nodes),
    workloads: copyRecord(state.workloads),
    policies: copyRecord(state.policies),
    brakes: copyRecord(state.brakes),
  };
}

/** Equal exactly when two states are: for comparing members, and a state with its replay. */
export function canonicalState(state: PlaneState): string {
  return canonicalJson(state);
}

function parseJson(encoded: string): unknown {
  try {
    return JSON.parse(encoded);
  } catch (cause) {
    throw new ShapeError('the snapshot is not JSON', { cause });
  }
}

/** Said apart from other faults: the cure is another program, not another file. */
function refuseNewerFormat(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('formatVersion' in value)) return;
  const { formatVersion } = value;
  if (typeof formatVersion === 'number' && formatVersion > INITIAL_STATE.formatVersion) {
    throw new ShapeError(
      `the snapshot is of format ${formatVersion}, this program reads up to ` +
        `${INITIAL_STATE.formatVersion}: run the version that wrote it, or a newer one`,
    );
  }
}
