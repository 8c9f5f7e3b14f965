/** Wrong input of every kind: refused with a problem that names every fault, and nothing changed. */

import assert from 'node:assert/strict';

import {
  actingDecision,
  metricDocument,
  policyDocument,
  registrationDocument,
  workloadDocument,
} from '../../support/http-documents.ts';
import {
  bearer,
  problemOf,
  startTestPlane,
  type TestCall,
  type TestPlane,
} from '../../support/http-plane.ts';
import { sample, scaleInput } from '../../support/scale-input.ts';

type Caller = 'viewer' | 'operator' | 'admin' | 'nobody' | 'wrong key';

interface Wrong extends TestCall {
  readonly title: string;
  readonly as?: Caller;
  readonly status: number;
  readonly code: string;
  /** Every fault, in any order. */
  readonly pointers?: readonly string[];
  readonly says?: RegExp;
}

const policy = (overrides: object, rest: Partial<Wrong> & { title: string }): Wrong => ({
  method: 'PUT',
  path: '/v1/policies/p',
  body: policyDocument(overrides),
  status: 422,
  code: 'invalid_document',
  ...rest,
});

const workload = (overrides: object, rest: Partial<Wrong> & { title: string }): Wrong => ({
  method: 'PUT',
  path: '/v1/workloads/w',
  body: workloadDocument(overrides),
  status: 422,
  code: 'invalid_document',
  ...rest,
});

const putPolicy = (
  rest: Partial<Wrong> & { title: string; status: number; code: string },
): Wrong => ({
  method: 'PUT',
  path: '/v1/policies/p',
  body: policyDocument(),
  ...rest,
});

const node = (overrides: object, rest: Partial<Wrong> & { title: string }): Wrong => ({
  method: 'POST',
  path: '/v1/nodes',
  body: registrationDocument(overrides),
  status: 422,
  code: 'invalid_document',
  ...rest,
});

const evaluate = (body: object, rest: Partial<Wrong> & { title: string }): Wrong => ({
  method: 'POST',
  path: '/v1/autoscaling/evaluate',
  body,
  status: 422,
  code: 'invalid_document',
  ...rest,
});

const get = (path: string, rest: Partial<Wrong> & { title: string }): Wrong => ({
  path,
  status: 400,
  code: 'invalid_request',
  ...rest,
});

const target = workloadDocument().target;

const POLICIES: readonly Wrong[] = [
  policy({ replicaas: 1 }, { title: 'an unknown field', pointers: ['/replicaas'] }),
  policy(
    { cooldown: { up: 300, down: '5 min' } },
    {
      title: 'durations without unit and with a wrong one',
      pointers: ['/cooldown/up', '/cooldown/down'],
    },
  ),
  policy(
    { metrics: [metricDocument({ query: 'sum(rate(x[5m]' })] },
    {
      title: 'PromQL that does not parse',
      pointers: ['/metrics/0/query'],
    },
  ),
  policy(
    { replicas: { min: 9, max: 8 } },
    {
      title: 'a minimum above the maximum',
      pointers: ['/replicas/min'],
      says: /min 9 is above max 8/u,
    },
  ),
  policy(
    { replicas: { min: 0.5, max: -1 } },
    {
      title: 'replicas that are no whole number',
      pointers: ['/replicas/min', '/replicas/max'],
    },
  ),
  policy({ metrics: [] }, { title: 'no metric', pointers: ['/metrics'] }),
  policy(
    { metrics: [metricDocument({ target: { value: 1, averageValue: 1 } })] },
    {
      title: 'two targets for one metric',
      pointers: ['/metrics/0/target'],
    },
  ),
  policy(
    { metrics: [metricDocument(), metricDocument()] },
    {
      title: 'one name for two metrics',
      pointers: ['/metrics/1/name'],
    },
  ),
  policy(
    { metrics: [metricDocument({ target: { value: 'NaN' } })] },
    {
      title: 'a target that is a text',
      pointers: ['/metrics/0/target/value'],
    },
  ),
  policy({ id: 'other' }, { title: 'an id that is not the path’s', pointers: ['/id'] }),
  policy(
    { tolerance: { up: 7 }, signalAgeMax: 60, actionTimeout: null, bogus: {}, id: 'q' },
    {
      title: 'five faults at once',
      pointers: ['/tolerance/up', '/signalAgeMax', '/actionTimeout', '/bogus', '/id'],
    },
  ),
  policy(
    { workload: 'w\u0000' },
    {
      title: 'a NUL in a text',
      status: 400,
      code: 'unsafe_json',
      pointers: ['/workload'],
    },
  ),
  policy(
    { workload: 'unknown' },
    {
      title: 'a workload that does not exist',
      status: 409,
      code: 'workload_unknown',
    },
  ),
  policy(
    { id: 'p2' },
    {
      title: 'a second policy for a workload',
      path: '/v1/policies/p2',
      status: 409,
      code: 'workload_already_has_policy',
    },
  ),
  putPolicy({
    title: 'a list for a policy',
    body: [policyDocument()],
    status: 422,
    code: 'invalid_document',
  }),
  putPolicy({ title: 'null for a policy', body: 'null', status: 422, code: 'invalid_document' }),
];

const WORKLOADS: readonly Wrong[] = [
  workload(
    { target: { ...target, command: [] } },
    {
      title: 'a workload without command',
      pointers: ['/target/command'],
    },
  ),
  workload(
    { mode: 'on', replicasInitial: '3', labels: { 'bad-name': 'x' } },
    {
      title: 'a workload with three faults',
      pointers: ['/mode', '/replicasInitial', '/labels/bad-name'],
    },
  ),
  workload(
    { target: { ...target, kind: 'podman' } },
    {
      title: 'a target of an unknown kind',
      pointers: ['/target/kind'],
    },
  ),
  workload(
    { target: { ...target, environment: { DB_PASSWORD: 'x', PORT: '1' } } },
    {
      title: 'a secret and a reserved variable in the environment',
      pointers: ['/target/environment/DB_PASSWORD', '/target/environment/PORT'],
    },
  ),
  workload(
    { target: { ...target, readinessPath: 'http://elsewhere/' } },
    {
      title: 'a URL for a path',
      pointers: ['/target/readinessPath'],
    },
  ),
  workload(
    { target: { ...target, stopGrace: 10 } },
    {
      title: 'a bare number for a duration',
      pointers: ['/target/stopGrace'],
    },
  ),
  workload(
    {},
    {
      title: 'a process of this host from an operator',
      as: 'operator',
      status: 403,
      code: 'forbidden',
      says: /role admin/u,
    },
  ),
  ...[
    { kind: 'docker', image: 'example/server:1', port: 8080 },
    { kind: 'kubernetes', namespace: 'serving', name: 'llama', port: 8080 },
    { kind: 'nomad', jobId: 'llama', group: 'web', portLabel: 'http' },
    { kind: 'webhook', url: 'https://scaler.example/w', secret: 'scaling' },
  ].map((elsewhere) =>
    workload(
      { target: elsewhere },
      {
        title: `a target ${elsewhere.kind} from an operator`,
        as: 'operator',
        status: 403,
        code: 'forbidden',
        says: new RegExp(`role admin.*the target ${elsewhere.kind}`, 'u'),
      },
    ),
  ),
  workload(
    { target: { kind: 'webhook', url: 'http://169.254.169.254/', secret: '../x' } },
    {
      title: 'a webhook to a metadata service, with a secret by path',
      pointers: ['/target/url', '/target/secret'],
    },
  ),
  workload(
    { id: 'constructor' },
    {
      title: 'an id that every object has',
      path: '/v1/workloads/constructor',
      status: 400,
      code: 'invalid_request',
    },
  ),
];

const NODES: readonly Wrong[] = [
  node({ nodeId: '../etc/passwd' }, { title: 'a path as a node’s id', pointers: ['/nodeId'] }),
  node({ nodeId: '__proto__' }, { title: 'a node named __proto__', pointers: ['/nodeId'] }),
  node({ nodeId: 'toString' }, { title: 'a node named toString', pointers: ['/nodeId'] }),
  node({ nodeId: 'n'.repeat(129) }, { title: 'a very long id', pointers: ['/nodeId'] }),
  node(
    { address: 'host', capabilities: ['a b', 'gpu', 'gpu'], labels: { __name__: 'x' } },
    {
      title: 'a registration with four faults',
      pointers: ['/address', '/capabilities/0', '/capabilities/2', '/labels/__name__'],
    },
  ),
  node({ address: '10.0.0.1:70000' }, { title: 'a port beyond 65535', pointers: ['/address'] }),
  node(
    { inventory: undefined },
    { title: 'a registration without inventory', pointers: ['/inventory'] },
  ),
  {
    title: 'a heartbeat of an unknown node',
    method: 'POST',
    path: '/v1/nodes/unknown/heartbeat',
    body: { failingCollectors: [], sequence: 0 },
    status: 404,
    code: 'node_not_found',
  },
  {
    title: 'a heartbeat with a negative sequence',
    method: 'POST',
    path: '/v1/nodes/node-1/heartbeat',
    body: { failingCollectors: 'gpu', sequence: -1 },
    status: 422,
    code: 'invalid_document',
    pointers: ['/failingCollectors', '/sequence'],
  },
];

const { policy: recordedPolicy, ...withoutPolicy } = scaleInput();

const EVALUATIONS: readonly Wrong[] = [
  evaluate(withoutPolicy, { title: 'evaluate without a policy' }),
  evaluate(
    { ...withoutPolicy, policy: policyDocument({ replicas: { min: 3, max: 2 } }), desired: -1 },
    {
      title: 'evaluate with a fault in the policy and one beside it',
      pointers: ['/policy/replicas/min', '/desired'],
    },
  ),
  evaluate(scaleInput({ observations: [sample(1, { metric: 'other' }), sample(2)] }), {
    title: 'observations of other metrics than the policy’s',
    pointers: ['/observations/0/metric', '/observations/1/metric'],
  }),
  evaluate(
    { ...withoutPolicy, policy: { ...recordedPolicy, replicasMin: 99 } },
    {
      title: 'a recorded policy with its minimum above its maximum',
      pointers: ['/policy/replicasMin'],
    },
  ),
  evaluate(
    { ...scaleInput(), observations: [{ ...sample(1), value: '1' }] },
    {
      title: 'a value that is a text',
      pointers: ['/observations/0/value'],
    },
  ),
  evaluate(
    {},
    {
      title: 'evaluate with infinity',
      body: JSON.stringify(scaleInput()).replace('"value":40', '"value":1e999'),
      pointers: ['/observations/0/value'],
    },
  ),
];

const BODIES: readonly Wrong[] = [
  putPolicy({
    title: 'a body of 20 MB',
    body: Buffer.alloc(20 * 1024 * 1024, 0x20),
    status: 413,
    code: 'body_too_large',
    says: /1048576 bytes/u,
  }),
  putPolicy({
    title: 'a chunked body of 2 MB',
    body: ' '.repeat(2 * 1024 * 1024),
    headers: { 'transfer-encoding': 'chunked' },
    status: 413,
    code: 'body_too_large',
  }),
  putPolicy({
    title: 'bad UTF-8',
    body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    status: 400,
    code: 'body_not_utf8',
  }),
  putPolicy({ title: 'cut JSON', body: '{"id":', status: 400, code: 'malformed_json' }),
  putPolicy({
    title: 'a name given twice',
    body: '{"id":"p","id":"p"}',
    status: 400,
    code: 'unsafe_json',
    pointers: ['/id'],
  }),
  putPolicy({
    title: 'prototype pollution',
    body: '{"id":"p","__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}',
    status: 400,
    code: 'unsafe_json',
    pointers: ['/__proto__'],
  }),
  putPolicy({
    title: 'deep nesting',
    body: '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000),
    status: 400,
    code: 'unsafe_json',
    says: /nested deeper/u,
  }),
  putPolicy({
    title: 'very many values',
    body: `{"metrics":[${Array(100_000).fill('{}').join(',')}]}`,
    status: 400,
    code: 'unsafe_json',
  }),
  { title: 'no body', method: 'PUT', path: '/v1/mode', status: 400, code: 'body_missing' },
  putPolicy({
    title: 'a form',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_media_type',
  }),
  putPolicy({
    title: 'YAML',
    body: 'id: p',
    headers: { 'content-type': 'application/yaml' },
    status: 415,
    code: 'unsupported_media_type',
  }),
  putPolicy({
    title: 'a charset that is not UTF-8',
    headers: { 'content-type': 'application/json; charset=utf-16' },
    status: 415,
    code: 'unsupported_media_type',
  }),
  putPolicy({
    title: 'a compressed body',
    headers: { 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupported_encoding',
  }),
  {
    title: 'an unknown mode',
    method: 'PUT',
    path: '/v1/mode',
    body: { mode: 'go', extra: 1 },
    status: 422,
    code: 'invalid_document',
    pointers: ['/mode', '/extra'],
  },
];

const REQUESTS: readonly Wrong[] = [
  get('/v1/nodes?limit=0', { title: 'limit 0', pointers: ['/limit'] }),
  get('/v1/decisions?limit=501', { title: 'a limit beyond the maximum', pointers: ['/limit'] }),
  get('/v1/nodes?limit=1e2', { title: 'a limit in another notation', pointers: ['/limit'] }),
  get('/v1/decisions?cursor=%00%ff', { title: 'a cursor of nonsense', pointers: ['/cursor'] }),
  get('/v1/policies?cursor=MTouLi8uLg', { title: 'a cursor made by hand', pointers: ['/cursor'] }),
  get('/v1/nodes?stauts=healthy', { title: 'a misspelt filter', pointers: ['/stauts'] }),
  get('/v1/nodes?status=healthy&status=stale', {
    title: 'a filter given twice',
    pointers: ['/status'],
  }),
  get('/v1/decisions?verdict=maybe&reason=because&traceId=1&from=yesterday&limit=x', {
    title: 'five wrong filters at once',
    pointers: ['/verdict', '/reason', '/traceId', '/from', '/limit'],
  }),
  get('/v1/discovery/prometheus', { title: 'a required parameter left out', pointers: ['/kind'] }),
  get('/v1/decisions/..%2F..%2Fetc%2Fpasswd', {
    title: 'path traversal in an id',
    pointers: ['/decisionId'],
  }),
  get('/v1/policies/%00', { title: 'a NUL in an id', pointers: ['/id'] }),
  get(`/v1/policies/${'a'.repeat(64)}`, { title: 'an id of 64 characters', pointers: ['/id'] }),
  get('/v1/policies/%E0%A4%A', { title: 'a path that cannot be decoded', pointers: [''] }),
  get('/v1/workloads/__proto__', { title: 'a workload named __proto__', pointers: ['/id'] }),
  get('/v1/workloads/nope', {
    title: 'a missing workload',
    status: 404,
    code: 'workload_not_found',
  }),
  get('/v1/policies/', { title: 'a trailing slash', status: 404, code: 'route_not_found' }),
  get('/v1/POLICIES', { title: 'another case', status: 404, code: 'route_not_found' }),
  get('/v1/../metrics', { title: 'dots in the path', status: 404, code: 'route_not_found' }),
  get('/v1/decisions/000000000000-w', {
    title: 'a missing decision',
    status: 404,
    code: 'decision_not_found',
  }),
  get(`/v1/nodes?capability=${'a'.repeat(17_000)}`, {
    title: 'a request line of 17 kB',
    status: 431,
    code: 'headers_too_large',
  }),
  putPolicy({
    title: 'an unknown method',
    method: 'PATCH',
    status: 405,
    code: 'method_not_allowed',
  }),
  get('/v1/mode', {
    title: 'DELETE of the mode',
    method: 'DELETE',
    status: 405,
    code: 'method_not_allowed',
  }),
  putPolicy({
    title: 'a weak ETag and a bad idempotency key',
    headers: { 'if-match': 'W/"1"', 'idempotency-key': 'a b' },
    status: 400,
    code: 'invalid_request',
    pointers: ['/if-match', '/idempotency-key'],
  }),
  putPolicy({
    title: 'faults in the query, the headers and the body',
    path: '/v1/policies/p?dryRun=1',
    headers: { 'if-match': '1' },
    body: policyDocument({ bogus: 1 }),
    status: 400,
    code: 'invalid_request',
    pointers: ['/dryRun', '/if-match', '/bogus'],
  }),
  putPolicy({
    title: 'a version that is not current',
    headers: { 'if-match': '"99"' },
    body: policyDocument({ replicas: { min: 1, max: 2 } }),
    status: 412,
    code: 'version_conflict',
  }),
  putPolicy({
    title: 'creating what exists',
    headers: { 'if-none-match': '*' },
    body: policyDocument({ replicas: { min: 1, max: 2 } }),
    status: 412,
    code: 'version_conflict',
  }),
  {
    title: 'If-Match: * on what is missing',
    method: 'DELETE',
    path: '/v1/policies/nope',
    headers: { 'if-match': '*' },
    status: 412,
    code: 'version_conflict',
  },
  {
    title: 'If-Match where nothing has a version',
    method: 'PUT',
    path: '/v1/mode',
    headers: { 'if-match': '"1"' },
    body: { mode: 'stopped' },
    status: 400,
    code: 'invalid_request',
    pointers: ['/if-match'],
  },
  {
    title: 'removing a workload that has a policy',
    method: 'DELETE',
    path: '/v1/workloads/w',
    status: 409,
    code: 'workload_has_policy',
  },
  {
    title: 'removing a missing node',
    method: 'DELETE',
    path: '/v1/nodes/nope',
    status: 404,
    code: 'node_not_found',
  },
];

const addMember = (body: unknown, rest: Partial<Wrong> & { title: string }): Wrong => ({
  method: 'POST',
  path: '/v1/members',
  body,
  status: 422,
  code: 'invalid_document',
  ...rest,
});

const transfer = (body: unknown, rest: Partial<Wrong> & { title: string }): Wrong => ({
  ...addMember(body, rest),
  path: '/v1/leadership/transfer',
});

const MEMBERS: readonly Wrong[] = [
  addMember({}, { title: 'a member of nothing', pointers: ['/id', '/address'] }),
  addMember(
    { id: 'Member_4', address: 'http://10.0.0.4', voter: true },
    {
      title: 'a member with three faults',
      pointers: ['/id', '/address', '/voter'],
    },
  ),
  addMember(
    { id: 'm', address: '10.0.0.4:0' },
    { title: 'a member at port 0', pointers: ['/address'] },
  ),
  addMember('[]', { title: 'a list for a member' }),
  addMember(
    { id: 'm4', address: '10.0.0.4:7401' },
    {
      title: 'an idempotency key for a change of the members',
      headers: { 'idempotency-key': 'k' },
      status: 400,
      code: 'invalid_request',
      pointers: ['/idempotency-key'],
    },
  ),
  addMember(
    { id: 'member-1', address: '10.0.0.4:7401' },
    { title: 'a member that is there already', status: 409, code: 'member_exists' },
  ),
  addMember(
    { id: 'm4', address: '10.0.0.4:7401' },
    { title: 'a member from an operator', as: 'operator', status: 403, code: 'forbidden' },
  ),
  addMember(undefined, {
    title: 'a promotion of a missing member',
    path: '/v1/members/nope/promote',
    status: 404,
    code: 'member_not_found',
  }),
  addMember(undefined, {
    title: 'a promotion of a voter',
    path: '/v1/members/member-1/promote',
    status: 409,
    code: 'not_a_learner',
  }),
  {
    title: 'a removal of a missing member',
    method: 'DELETE',
    path: '/v1/members/nope',
    status: 404,
    code: 'member_not_found',
  },
  {
    title: 'a removal of the last voter',
    method: 'DELETE',
    path: '/v1/members/member-1',
    status: 409,
    code: 'no_voter_left',
  },
  {
    title: 'a removal of a member by an operator',
    as: 'operator',
    method: 'DELETE',
    path: '/v1/members/member-1',
    status: 403,
    code: 'forbidden',
  },
  get('/v1/members/nope', { title: 'a missing member', status: 404, code: 'member_not_found' }),
  get('/v1/members/..%2Fx', { title: 'a path for a member', pointers: ['/id'] }),
  transfer({ to: 7, force: true }, { title: 'a transfer to 7', pointers: ['/to', '/force'] }),
  transfer(undefined, { title: 'a transfer without body', status: 400, code: 'body_missing' }),
  transfer({ to: 'nope' }, { title: 'a transfer to nobody', status: 409, code: 'member_unknown' }),
  transfer({}, { title: 'a transfer by a viewer', as: 'viewer', status: 403, code: 'forbidden' }),
  get('/v1/elections?outcome=won&candidate=A&limit=0&cursor=x&voter=b', {
    title: 'five wrong filters of elections',
    pointers: ['/outcome', '/candidate', '/limit', '/cursor', '/voter'],
  }),
  get('/v1/elections/nope', {
    title: 'a missing election',
    status: 404,
    code: 'election_not_found',
  }),
  get('/v1/elections/A%20B', { title: 'an election of no such form', pointers: ['/electionId'] }),
  get('/v1/nodes?consistency=eventual', {
    title: 'a consistency that does not exist',
    pointers: ['/consistency'],
  }),
  get('/v1/nodes?consistency=stale&consistency=linearizable', {
    title: 'two consistencies',
    pointers: ['/consistency'],
  }),
  get('/v1/nodes?consistency=strong&status=bad&x=1', {
    title: 'a wrong consistency among other faults',
    pointers: ['/consistency', '/status', '/x'],
  }),
  get('/v1/decisions?consistency=stale', {
    title: 'a consistency where nothing is replicated',
    pointers: ['/consistency'],
  }),
  putPolicy({
    title: 'a consistency for a change',
    path: '/v1/policies/p?consistency=stale',
    status: 400,
    code: 'invalid_request',
    pointers: ['/consistency'],
  }),
];

const CALLERS: readonly Wrong[] = [
  putPolicy({ title: 'no key', as: 'nobody', status: 401, code: 'unauthenticated' }),
  putPolicy({ title: 'a wrong key', as: 'wrong key', status: 401, code: 'unauthenticated' }),
  putPolicy({
    title: 'another scheme',
    as: 'nobody',
    headers: { authorization: 'Basic YTpi' },
    status: 401,
    code: 'unauthenticated',
  }),
  get('/metrics', {
    title: 'no key for the metrics',
    as: 'nobody',
    status: 401,
    code: 'unauthenticated',
  }),
  putPolicy({
    title: 'a viewer who writes',
    as: 'viewer',
    status: 403,
    code: 'forbidden',
    says: /role operator/u,
  }),
  {
    title: 'a viewer who stops the plane',
    as: 'viewer',
    method: 'PUT',
    path: '/v1/mode',
    body: { mode: 'stopped' },
    status: 403,
    code: 'forbidden',
  },
  {
    title: 'a viewer who registers a node',
    as: 'viewer',
    method: 'POST',
    path: '/v1/nodes',
    body: registrationDocument({ nodeId: 'x' }),
    status: 403,
    code: 'forbidden',
  },
  putPolicy({
    title: '20 MB without a key',
    as: 'nobody',
    body: Buffer.alloc(20 * 1024 * 1024),
    status: 401,
    code: 'unauthenticated',
  }),
];

const TABLE = [
  ...POLICIES,
  ...WORKLOADS,
  ...NODES,
  ...EVALUATIONS,
  ...BODIES,
  ...REQUESTS,
  ...MEMBERS,
  ...CALLERS,
];

describe('wrong input over HTTP', () => {
  let plane: TestPlane;

  before(async () => {
    plane = await startTestPlane({ withKeys: true });
    const headers = bearer(plane.keys.admin);
    for (const [method, path, body] of [
      ['PUT', '/v1/workloads/w', workloadDocument()],
      ['PUT', '/v1/policies/p', policyDocument()],
      ['POST', '/v1/nodes', registrationDocument()],
    ] as const) {
      const answer = await plane.send({ method, path, body, headers });
      assert.equal(answer.status, 201, answer.text);
    }
    await plane.decisions.append([actingDecision(1_700_000_000_000)]);
  });

  after(() => plane.stop());

  it('is tried in at least 110 ways', () => {
    assert.ok(TABLE.length >= 110, String(TABLE.length));
    assert.equal(new Set(TABLE.map((wrong) => wrong.title)).size, TABLE.length);
  });

  for (const wrong of TABLE) {
    it(`refuses ${wrong.title} with ${wrong.status} ${wrong.code}`, async () => {
      const before = plane.consensus.digest();
      const heartbeats = plane.views.heartbeats.length;
      const headers = { ...keyOf(plane, wrong.as ?? 'admin'), ...wrong.headers };
      const answer = await plane.send({ ...wrong, headers });
      const problem = problemOf(answer);
      assert.equal(problem.status, wrong.status, answer.text);
      assert.equal(problem.code, wrong.code, answer.text);
      if (wrong.pointers !== undefined) {
        assert.deepEqual([...new Set(problem.pointers)].sort(), [...wrong.pointers].sort());
      }
      if (wrong.says !== undefined) assert.match(answer.text, wrong.says);
      if (wrong.status === 401) assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/u);
      if (wrong.status === 405) assert.match(answer.headers.allow ?? '', /GET, /u);
      assert.equal(plane.consensus.digest(), before, 'the state changed');
      assert.deepEqual([...plane.membership.views.keys()], ['member-1'], 'the members changed');
      assert.equal(plane.views.heartbeats.length, heartbeats, 'a heartbeat was taken');
    });
  }

  it('goes on to serve, with nothing logged as a bug', async () => {
    const answer = await plane.send({ path: '/v1/mode', headers: bearer(plane.keys.viewer) });
    assert.equal(answer.status, 200);
    assert.deepEqual(
      plane.logged.filter((line) => line.level !== 'info'),
      [],
    );
    assert.equal(Object.hasOwn(Object.prototype, 'admin'), false);
  });
});

function keyOf(plane: TestPlane, caller: Caller): Readonly<Record<string, string>> {
  switch (caller) {
    case 'nobody':
      return {};
    case 'wrong key':
      return bearer(`omk_000000000000_${'A'.repeat(43)}`);
    case 'viewer':
    case 'operator':
    case 'admin':
      return bearer(plane.keys[caller]);
  }
}
