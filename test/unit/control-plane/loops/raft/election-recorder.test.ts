import assert from 'node:assert/strict';
import { ElectionRecorder } from '../../../../../control-plane/loops/raft/election-recorder.ts';
import type { RecorderOptions } from '../../../../../control-plane/loops/raft/election-recorder.ts';
import type { Command } from '../../../../../control-plane/model/command.ts';
import { FORMAT_UNASKED } from '../../../../../control-plane/state/format.ts';
import { ELECTION_VOTES_MAX } from '../../../../../control-plane/state/model-shape.ts';
import { createMemoryConsensus, createMemoryGroup } from '../../../../support/http-fakes.ts';
import type { MemoryConsensus, MemoryGroup } from '../../../../support/http-fakes.ts';
import { AT_MS, election } from '../../../../support/log-commands.ts';
import { never } from '../../../../support/scale-plane.ts';

const PATIENT = new AbortController().signal;
const WAITING_MAX = 32;

describe('the recorder of elections', () => {
  let group: MemoryGroup;
  let leader: MemoryConsensus;
  let recorder: ElectionRecorder;
  let options: RecorderOptions;

  beforeEach(() => {
    group = createMemoryGroup();
    leader = createMemoryConsensus(group);
    recorder = new ElectionRecorder();
    const clock = { nowMs: () => AT_MS, monotonicMs: () => 0 };
    options = { consensus: leader, clock, timeoutMs: 40 };
  });

  const run = (changed: Partial<RecorderOptions> = {}): Promise<void> =>
    recorder.run({ ...options, ...changed }, PATIENT);
  const recorded = () => leader.readState().elections.map(({ electionId }) => electionId);
  /** A member that does not lead: what it proposes reaches the leader. */
  const follower = (): RecorderOptions['consensus'] => ({
    ...createMemoryConsensus(group, 'member-2'),
    propose: (command, signal) => leader.propose(command, signal),
  });

  it('writes the elections of its member into the state, in order and once', async () => {
    recorder.add(election('e1'));
    recorder.add(election('e2'));
    await run();
    await run();
    assert.deepEqual(recorded(), ['e1', 'e2']);
    assert.deepEqual(leader.readState().elections[0], election('e1'));
  });

  it('raises the format once it leads, before it records, and once alone', async () => {
    const kinds: string[] = [];
    const propose = (command: Command, signal: AbortSignal) => {
      kinds.push(command.kind);
      return leader.propose(command, signal);
    };
    recorder.add(election('e1'));
    await run({ consensus: { ...leader, propose } });
    recorder.add(election('e2'));
    await run({ consensus: { ...leader, propose } });
    assert.deepEqual(kinds, ['raise_format', 'record_election', 'record_election']);
    assert.equal(leader.readState().formatVersion, FORMAT_UNASKED);
  });

  it('leaves the format to the leader, waits for it, and then records through it', async () => {
    recorder.add(election('e1'));
    await run({ consensus: follower() });
    assert.equal(leader.proposed(), 0);
    await new ElectionRecorder().run(options, PATIENT);
    await run({ consensus: follower() });
    assert.deepEqual(recorded(), ['e1']);
  });

  it('does not raise the format without a lease', async () => {
    await run({ consensus: { ...leader, leaseTerm: () => null } });
    assert.equal(leader.proposed(), 0);
  });

  it('proposes nothing while nobody leads, and keeps what waits', async () => {
    recorder.add(election('e1'));
    group.leaderId = null;
    await run();
    assert.equal(leader.proposed(), 0);
    group.leaderId = 'member-1';
    await run();
    assert.deepEqual(recorded(), ['e1']);
  });

  it('keeps what could not be committed for the next run', async () => {
    await run();
    recorder.add(election('e1'));
    recorder.add(election('e2'));
    leader.failWith('overloaded');
    await assert.rejects(run(), { failure: 'overloaded' });
    leader.failWith(null);
    await run();
    assert.deepEqual(recorded(), ['e1', 'e2']);
  });

  it('records once what was committed although the answer was lost', async () => {
    await run();
    recorder.add(election('e1'));
    leader.failAfterApplyingWith('no_leader');
    await assert.rejects(run(), { failure: 'no_leader' });
    leader.failAfterApplyingWith(null);
    await run();
    assert.deepEqual(recorded(), ['e1']);
  });

  it('waits for no answer longer than its deadline', async () => {
    await run();
    recorder.add(election('e1'));
    await assert.rejects(
      run({ consensus: { ...leader, propose: () => never() } }),
      /no answer within 40 ms/,
    );
  });

  it('lets the oldest give way when too many wait', async () => {
    for (let number = 0; number <= WAITING_MAX; number += 1) recorder.add(election(`e${number}`));
    await run();
    const ids = recorded();
    assert.ok(!ids.includes('e0'));
    assert.equal(ids.at(-1), `e${WAITING_MAX}`);
  });

  it('drops none that came while the oldest was being recorded', async () => {
    await run();
    for (let number = 0; number < WAITING_MAX; number += 1) recorder.add(election(`e${number}`));
    const propose = async (command: Command, signal: AbortSignal) => {
      const committed = await leader.propose(command, signal);
      if (command.key === 'election/e0') recorder.add(election('late'));
      return committed;
    };
    await run({ consensus: { ...leader, propose } });
    const ids = recorded();
    assert.ok(ids.includes('e1') && ids.includes('late'), ids.join(' '));
  });

  it('keeps within what the state takes: a long id, and more votes than it holds', async () => {
    const [vote] = election('e').votes;
    assert(vote !== undefined);
    const votes = Array.from({ length: ELECTION_VOTES_MAX + 1 }, () => vote);
    recorder.add(election('i'.repeat(128), { votes }));
    await run();
    assert.equal(leader.readState().elections[0]?.votes.length, ELECTION_VOTES_MAX);
  });
});
