/** Members and elections over HTTP: what is shown, what is changed, and how a refusal is said. */

import assert from 'node:assert/strict';

import {
  electionView,
  leadershipView,
  membersView,
  memberView,
} from '../../../control-plane/http/cluster-representations.ts';
import { pageOf } from '../../../control-plane/http/representations.ts';
import { CHANGE_REFUSALS, TRANSFER_REFUSALS } from '../../../control-plane/model/configuration.ts';
import type { Election } from '../../../control-plane/model/election.ts';
import { ConsensusError } from '../../../control-plane/ports/consensus.ts';
import { MembershipError } from '../../../control-plane/ports/membership.ts';
import { FORMAT_MAX } from '../../../control-plane/state/format.ts';
import {
  problemOf,
  startTestPlane,
  type TestAnswer,
  type TestCall,
  type TestPlane,
  type TestPlaneOptions,
} from '../../support/http-plane.ts';

const ADD: TestCall = {
  method: 'POST',
  path: '/v1/members',
  body: { id: 'member-2', address: '[::1]:7401' },
};
const PROMOTE: TestCall = { method: 'POST', path: '/v1/members/member-2/promote' };
const TRANSFER: TestCall = { method: 'POST', path: '/v1/leadership/transfer', body: {} };

function election(term: number, overrides: Partial<Election> = {}): Election {
  return {
    electionId: `member-1-${term}`,
    candidateId: 'member-1',
    term,
    cause: 'leader_silent',
    outcome: 'elected',
    suspectedLeaderId: 'member-2',
    silentForMs: 180.5,
    startedAtMs: 1_700_000_000_000 + term,
    preVoteMs: 2.25,
    electedMs: 4.5,
    committedMs: 9,
    durationMs: 9,
    votes: [{ phase: 'vote', voterId: 'member-2', reason: 'log_behind', afterMs: 4 }],
    traceId: term.toString(16).padStart(32, '0'),
    rootSpanId: term.toString(16).padStart(16, '0'),
    previousTraceId: null,
    ...overrides,
  };
}

describe('the members over HTTP', () => {
  let plane: TestPlane;

  async function start(options: TestPlaneOptions = {}): Promise<void> {
    plane = await startTestPlane(options);
  }
  afterEach(() => plane.stop());

  async function expectStatus(status: number, call: TestCall): Promise<TestAnswer> {
    const answer = await plane.send(call);
    assert.equal(answer.status, status, answer.text);
    return answer;
  }

  it('are listed with the member that answers, its leader, term and commit index', async () => {
    await start();
    await expectStatus(201, ADD);
    const answer = await expectStatus(200, { path: '/v1/members' });
    const { items, ...head } = membersView.parse(answer.json);
    assert.deepEqual(head, {
      memberId: 'member-1',
      leaderId: 'member-1',
      term: 1,
      commitIndex: 0,
      joint: false,
    });
    assert.deepEqual(
      items.map(({ id, membership, role, lagEntries, formatMax }) => [
        ...[id, membership, role],
        ...[lagEntries, formatMax],
      ]),
      [
        ['member-1', 'voter', 'leader', 0, FORMAT_MAX],
        ['member-2', 'learner', 'learner', 100, null],
      ],
    );
    assert.equal(answer.headers['omnimind-consistency'], 'linearizable');
  });

  it('join as learners, are promoted, and are removed', async () => {
    await start();
    const added = await expectStatus(201, ADD);
    assert.equal(added.headers.location, '/v1/members/member-2');
    assert.equal(memberView.parse(added.json).address, '[::1]:7401');
    const read = await expectStatus(200, { path: '/v1/members/member-2' });
    assert.equal(memberView.parse(read.json).membership, 'learner');
    const promoted = await expectStatus(200, PROMOTE);
    assert.equal(memberView.parse(promoted.json).membership, 'voter');
    await expectStatus(204, { method: 'DELETE', path: '/v1/members/member-2' });
    await expectStatus(404, { path: '/v1/members/member-2' });
    assert.deepEqual(plane.membership.asked, [
      { add: [{ memberId: 'member-2', address: '[::1]:7401' }], promote: [], remove: [] },
      { add: [], promote: ['member-2'], remove: [] },
      { add: [], promote: [], remove: ['member-2'] },
    ]);
    assert.deepEqual(
      plane.logged.map(({ fields }) => fields['operation']),
      ['addMember', 'promoteMember', 'removeMember'],
    );
  });

  it('hand leadership over, to whom is named or whom the leader chooses', async () => {
    await start();
    await expectStatus(201, ADD);
    const chosen = await expectStatus(200, TRANSFER);
    assert.deepEqual(leadershipView.parse(chosen.json), { leaderId: 'member-2' });
    plane.group.leaderId = 'member-1';
    await expectStatus(200, { ...TRANSFER, body: { to: 'member-2' } });
    assert.deepEqual(plane.membership.asked.slice(1), [
      { transferTo: null },
      { transferTo: 'member-2' },
    ]);
  });

  const STATUSES: Readonly<Record<(typeof CHANGE_REFUSALS)[number], number>> = {
    not_leader: 503,
    transferring: 503,
    change_under_way: 503,
    member_exists: 409,
    member_unknown: 404,
    not_a_learner: 409,
    learner_lags: 409,
    no_voter_left: 409,
    nothing_to_change: 409,
  };
  for (const refusal of CHANGE_REFUSALS) {
    it(`refuses a change with ${STATUSES[refusal]} when the leader says ${refusal}`, async () => {
      await start();
      plane.membership.failWith(new MembershipError(refusal, 'not for clients'));
      const answer = await expectStatus(STATUSES[refusal], PROMOTE);
      const problem = problemOf(answer);
      assert.equal(problem.code, refusal === 'member_unknown' ? 'member_not_found' : refusal);
      assert.ok(problem.detail.length > 20);
      assert.doesNotMatch(answer.text, /not for clients/u);
      assert.equal(answer.headers['retry-after'] !== undefined, answer.status === 503);
    });
  }

  for (const refusal of TRANSFER_REFUSALS) {
    it(`refuses a transfer when the leader says ${refusal}`, async () => {
      await start();
      plane.membership.failWith(new MembershipError(refusal, 'not for clients'));
      const answer = await plane.send(TRANSFER);
      assert.equal(problemOf(answer).code, refusal);
      const isTransient = refusal === 'not_leader' || refusal === 'transferring';
      assert.equal(answer.status, isTransient ? 503 : 409);
    });
  }

  for (const [title, failure] of [
    ['the leader is silent', 'silence'],
    ['leadership is lost meanwhile', new ConsensusError('not_leader', 'gone')],
    ['nobody leads meanwhile', new ConsensusError('no_leader', 'gone')],
    ['the member stops meanwhile', new ConsensusError('aborted', 'stopping')],
  ] as const) {
    it(`says that the end of a change is unknown when ${title}`, async () => {
      await start({ limits: { membershipTimeoutMs: 50 } });
      plane.membership.failWith(failure);
      const answer = await expectStatus(503, ADD);
      assert.equal(problemOf(answer).code, 'commit_unknown');
      assert.match(answer.text, /GET \/v1\/members/u);
    });
  }
});

describe('the elections over HTTP', () => {
  let plane: TestPlane;
  const page = pageOf(electionView, 'ElectionPage');

  before(async () => {
    plane = await startTestPlane();
    const remembered = [
      election(2),
      election(3, { outcome: 'refused', electedMs: null, committedMs: null }),
      election(4, { candidateId: 'member-2' }),
      election(5, { outcome: 'timed_out', candidateId: 'member-2', silentForMs: null }),
      election(6),
    ];
    plane.group.state = { ...plane.group.state, elections: remembered };
  });
  after(() => plane.stop());

  async function terms(path: string): Promise<{ terms: number[]; next: string | null }> {
    const answer = await plane.send({ path });
    assert.equal(answer.status, 200, answer.text);
    const { items, nextCursor } = page.parse(answer.json);
    return { terms: items.map((item) => electionView.parse(item).term), next: nextCursor };
  }

  it('come newest first, in pages that end where they end', async () => {
    const first = await terms('/v1/elections?limit=3');
    assert.deepEqual(first.terms, [6, 5, 4]);
    const second = await terms(`/v1/elections?limit=3&cursor=${String(first.next)}`);
    assert.deepEqual(second, { terms: [3, 2], next: null });
    assert.deepEqual((await terms('/v1/elections?limit=5')).next, null);
  });

  it('go on behind the cursor when newer ones were added, and end when it is forgotten', async () => {
    const { next } = await terms('/v1/elections?limit=2');
    const { elections } = plane.group.state;
    plane.group.state = { ...plane.group.state, elections: [...elections, election(7)] };
    const path = `/v1/elections?limit=2&cursor=${String(next)}`;
    assert.deepEqual((await terms(path)).terms, [4, 3]);
    plane.group.state = { ...plane.group.state, elections: [election(6), election(7)] };
    assert.deepEqual(await terms(path), { terms: [], next: null });
    plane.group.state = { ...plane.group.state, elections };
  });

  for (const [query, found] of [
    ['outcome=elected', [6, 4, 2]],
    ['outcome=timed_out', [5]],
    ['candidate=member-2', [5, 4]],
    ['candidate=member-2&outcome=elected', [4]],
    ['candidate=nobody', []],
  ] as const) {
    it(`are filtered by ${query}, also across pages`, async () => {
      const seen: number[] = [];
      let path = `/v1/elections?limit=1&${query}`;
      for (let pages = 0; pages <= found.length; pages += 1) {
        const { terms: more, next } = await terms(path);
        seen.push(...more);
        if (next === null) break;
        path = `/v1/elections?limit=1&${query}&cursor=${next}`;
      }
      assert.deepEqual(seen, found);
    });
  }

  it('are shown one by one with votes, timings and trace', async () => {
    const answer = await plane.send({ path: '/v1/elections/member-1-3' });
    assert.deepEqual(
      electionView.parse(answer.json),
      election(3, { outcome: 'refused', electedMs: null, committedMs: null }),
    );
    assert.equal(problemOf(await plane.send({ path: '/v1/elections/member-1-9' })).status, 404);
  });
});
