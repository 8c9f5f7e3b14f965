/**
 * Plays a scenario of Raft cores: commands in, a trace out, as text, so that what the core does can be
 * read and compared (after etcd-io/raft's rafttest). Time, disks and the network move only when a
 * command says so. One command a line; see COMMANDS for what there is.
 */

import assert from 'node:assert/strict';
import { NO_CONFIGURATION, configurationText } from '../../control-plane/model/configuration.ts';
import type { Configuration } from '../../control-plane/model/configuration.ts';
import type { HardState, LogEntry, SnapshotPlace } from '../../control-plane/model/log-entry.ts';
import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import { RAFT_DEFAULTS } from '../../control-plane/raft/options.ts';
import type { RaftOptions } from '../../control-plane/raft/options.ts';
import { Raft } from '../../control-plane/raft/raft.ts';
import type { RaftEvent, Ready } from '../../control-plane/raft/ready.ts';
import { bytesOf, textOf } from '../../control-plane/raft/text.ts';

const TICK_MS = 10;
/** Messages are delivered at most so often until nothing moves any more: a scenario that never rests is wrong. */
const TURNS_MAX = 500;
const CHUNK_TEXT = 'state';

interface Disk {
  hardState: HardState;
  snapshot: SnapshotPlace | null;
  entries: LogEntry[];
}

interface Player {
  raft: Raft | null;
  readonly disk: Disk;
  /** Changes that are not durable yet. */
  waiting: Ready['changes'][number][];
  /** A disk that is held makes nothing durable. */
  held: boolean;
  /** Draws the election timeout: 0 the shortest, towards 1 the longest. */
  draw: number;
  applied: string[];
}

type Command = (words: readonly string[]) => void;

export class Scenario {
  readonly #players = new Map<string, Player>();
  readonly #cut = new Set<string>();
  #options: Omit<RaftOptions, 'memberId'> = RAFT_DEFAULTS;
  #bootstrap: Configuration = NO_CONFIGURATION;
  #nowMs = 0;
  #network: RaftMessage[] = [];
  #lines: string[] = [];
  #readId = 0;

  /** The trace of one command. @throws for a command that does not exist */
  run(line: string): string {
    this.#lines = [];
    const [name = '', ...words] = line.split(/\s+/);
    const commands: Readonly<Record<string, Command>> = {
      // members a b c [spare d e]: the first voters, and members that wait to be added.
      members: (all) => this.#members(all),
      // option NAME NUMBER, before members.
      option: ([key = '', value = '']) => {
        assert(key in RAFT_DEFAULTS, `no option ${key}`);
        this.#options = { ...this.#options, [key]: Number(value) };
      },
      // draw a 0.5: where in the range its next election timeouts lie.
      draw: ([id = '', value = '']) => (this.#player(id).draw = Number(value)),
      // silence a: the time passes until it suspects its leader; nobody else's clock moves.
      silence: ([id = '']) => this.#silence(id),
      // time 100: ms pass for everybody; ticks, and whatever follows from them, are done on the way.
      time: ([ms = '']) => this.#time(Number(ms)),
      // stall a 500: its process stands still, then goes on.
      stall: ([id = '', ms = '']) => this.#stall(id, Number(ms)),
      // settle: everything moves until nothing does.
      settle: () => this.#settle(),
      // deliver [a->b]: the messages that are on the way, or those of one pair, arrive; nothing more.
      deliver: ([pair]) => this.#deliver(pair ?? null),
      // drop [a->b]: they are lost.
      drop: ([pair]) => this.#drop(pair ?? null),
      // cut a->b, heal a->b, heal: a link loses everything.
      cut: (pairs) => pairs.forEach((pair) => this.#cut.add(pair)),
      heal: (pairs) => {
        if (pairs.length === 0) this.#cut.clear();
        pairs.forEach((pair) => this.#cut.delete(pair));
      },
      // hold a, release a: its disk.
      hold: ([id = '']) => (this.#player(id).held = true),
      release: ([id = '']) => {
        this.#player(id).held = false;
        this.#work(id);
      },
      crash: ([id = '']) => this.#crash(id),
      restart: ([id = '']) => this.#start(id),
      propose: ([id = '', ...texts]) => {
        const answer = this.#raft(id).propose(this.#nowMs, texts.map(bytesOf));
        this.#say(id, this.#answerText(answer));
        this.#work(id);
      },
      // change a add d | promote d | remove b, and any mixture.
      change: ([id = '', ...words2]) => this.#change(id, words2),
      transfer: ([id = '', to]) => {
        this.#say(id, this.#answerText(this.#raft(id).transfer(this.#nowMs, to ?? null)));
        this.#work(id);
      },
      read: ([id = '']) => {
        this.#readId += 1;
        this.#raft(id).read(this.#nowMs, this.#readId);
        this.#work(id);
      },
      // compact a KEEP: a snapshot of what it has applied; KEEP entries below it stay.
      compact: ([id = '', keep = '0']) => this.#compact(id, Number(keep)),
      status: (ids) => this.#status(ids),
      log: (ids) => this.#log(ids),
      applied: (ids) => {
        for (const id of this.#named(ids)) this.#say(id, this.#player(id).applied.join(' '));
      },
    };
    const command = commands[name];
    assert(command !== undefined, `no command ${name}: ${Object.keys(commands).join(', ')}`);
    command(words);
    return this.#lines.length === 0 ? 'ok' : this.#lines.join('\n');
  }

  #members(words: readonly string[]): void {
    const spareAt = words.indexOf('spare');
    const voters = spareAt === -1 ? words : words.slice(0, spareAt);
    const spare = spareAt === -1 ? [] : words.slice(spareAt + 1);
    const addresses = Object.fromEntries(voters.map((id) => [id, `${id}:1`]));
    this.#bootstrap = { voters: [...voters].sort(), outgoing: [], learners: [], addresses };
    const all = [...voters, ...spare];
    for (const [at, id] of all.entries()) {
      // Far apart, in the order of their names: nobody's timeout ends together with another's.
      const draw = (at + 1) / (all.length + 1);
      const disk = { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] };
      const player = { raft: null, disk, waiting: [], held: false, draw, applied: [] };
      this.#players.set(id, player);
      this.#start(id);
    }
  }

  #start(id: string): void {
    const player = this.#player(id);
    const { disk } = player;
    const isVoter = this.#bootstrap.voters.includes(id);
    const bootstrap = isVoter ? this.#bootstrap : NO_CONFIGURATION;
    const options = { ...this.#options, memberId: id };
    player.waiting = [];
    player.applied = disk.snapshot === null ? [] : [`[..${disk.snapshot.index}]`];
    player.raft = new Raft(options, { ...disk, bootstrap }, () => player.draw, this.#nowMs);
  }

  #crash(id: string): void {
    this.#player(id).raft = null;
    this.#network = this.#network.filter(({ from, to }) => from !== id && to !== id);
  }

  #silence(id: string): void {
    const raft = this.#raft(id);
    const before = raft.status().role;
    for (let ms = 0; raft.status().role === before || before !== 'follower'; ms += TICK_MS) {
      assert(ms < 2 * this.#options.electionTimeoutMaxMs, `${id} suspects nobody`);
      this.#nowMs += TICK_MS;
      // Everybody's process is alive; the others' timers are not what is looked at.
      raft.tick(this.#nowMs);
      if (raft.status().role !== 'follower') break;
    }
    this.#work(id);
  }

  #time(ms: number): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.#nowMs += TICK_MS;
      for (const [id, { raft }] of this.#players) {
        raft?.tick(this.#nowMs);
        this.#work(id);
      }
      this.#settle();
    }
  }

  #stall(stalled: string, ms: number): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.#nowMs += TICK_MS;
      for (const [id, { raft }] of this.#players) {
        if (id === stalled) continue;
        raft?.tick(this.#nowMs);
        this.#work(id);
      }
      const others = this.#network.filter(({ to }) => to !== stalled);
      this.#network = this.#network.filter(({ to }) => to === stalled);
      for (const message of others) this.#arrive(message);
    }
    this.#raft(stalled).tick(this.#nowMs);
    this.#work(stalled);
  }

  #settle(): void {
    for (let turn = 0; this.#network.length > 0; turn += 1) {
      assert(turn < TURNS_MAX, 'it never comes to rest');
      for (const message of this.#network.splice(0)) this.#arrive(message);
    }
  }

  #deliver(pair: string | null): void {
    const due = this.#network.filter((message) => pair === null || pairOf(message) === pair);
    this.#network = this.#network.filter((message) => !due.includes(message));
    for (const message of due) this.#arrive(message);
  }

  #drop(pair: string | null): void {
    this.#network = this.#network.filter((one) => pair !== null && pairOf(one) !== pair);
  }

  #arrive(message: RaftMessage): void {
    const { raft } = this.#player(message.to);
    if (raft === null || this.#cut.has(pairOf(message))) return;
    raft.step(this.#nowMs, message);
    this.#work(message.to);
  }

  /** Does what the core wants, until it wants nothing more. */
  #work(id: string): void {
    const player = this.#player(id);
    for (let turn = 0; player.raft !== null && turn < TURNS_MAX; turn += 1) {
      const { raft } = player;
      if (!raft.hasReady() && (player.held || player.waiting.length === 0)) return;
      const ready = raft.ready();
      for (const event of ready.events) this.#say(id, eventText(event));
      for (const message of ready.messages) {
        this.#say(id, `-> ${message.to} ${messageText(message)}`);
        this.#network.push(message);
      }
      if (ready.restore !== null) player.applied = [`[..${ready.restore.index}]`];
      for (const entry of ready.committed) {
        if (entry.type === 'command') player.applied.push(textOf(entry.payload));
        raft.applied(entry.index);
      }
      for (const { readId, index } of ready.reads)
        this.#say(id, `read ${readId}: ${index ?? 'refused'}`);
      for (const { to, index, offset, lengthMax } of ready.chunksWanted) {
        const whole = bytesOf(CHUNK_TEXT);
        const bytes = whole.slice(offset, offset + lengthMax);
        raft.snapshotChunk(this.#nowMs, to, index, offset, { bytes, totalBytes: whole.length });
      }
      player.waiting.push(...ready.changes);
      if (!player.held) this.#persist(player);
    }
    assert(player.raft === null, `${id} never comes to rest`);
  }

  #persist({ disk, waiting, raft }: Player): void {
    for (const { hardState, snapshot, truncateFrom, entries, sequence } of waiting.splice(0)) {
      if (hardState !== null) disk.hardState = hardState;
      if (snapshot !== null) {
        disk.snapshot = snapshot;
        disk.entries = [];
      }
      const from = truncateFrom;
      if (from !== null) disk.entries = disk.entries.filter((entry) => entry.index < from);
      disk.entries.push(...entries);
      raft?.persisted(this.#nowMs, sequence);
    }
  }

  #change(id: string, words: readonly string[]): void {
    const change = { add: [] as string[], promote: [] as string[], remove: [] as string[] };
    let list: string[] | null = null;
    for (const word of words) {
      if (word === 'add' || word === 'promote' || word === 'remove') list = change[word];
      else list?.push(word);
    }
    const add = change.add.map((memberId) => ({ memberId, address: `${memberId}:1` }));
    this.#say(id, this.#answerText(this.#raft(id).change(this.#nowMs, { ...change, add })));
    this.#work(id);
  }

  #compact(id: string, keep: number): void {
    const raft = this.#raft(id);
    const { disk } = this.#player(id);
    const { appliedIndex: index } = raft.status();
    const term = disk.entries.find((entry) => entry.index === index)?.term ?? 0;
    disk.snapshot = { index, term, configuration: raft.configurationAt(index) };
    disk.entries = disk.entries.filter((entry) => entry.index > index - keep);
    raft.compacted(index, index - keep + 1);
  }

  #status(ids: readonly string[]): void {
    for (const id of this.#named(ids)) {
      const { raft } = this.#player(id);
      if (raft === null) {
        this.#say(id, 'down');
        continue;
      }
      const {
        role,
        term,
        leaderId,
        commitIndex,
        lastIndex,
        persistedIndex,
        configuration,
        progress,
      } = raft.status();
      const lease = raft.leaseUntilMs();
      const leased = lease !== null && lease > this.#nowMs ? ', lease' : '';
      this.#say(
        id,
        `${role} of term ${term}, leader ${leaderId ?? '?'}, commit ${commitIndex}, last ${lastIndex}, durable ${persistedIndex}${leased}, ${membersText(configuration)}`,
      );
      for (const one of progress) {
        const { memberId, state, matchIndex, nextIndex, inFlight } = one;
        this.#say(
          id,
          `  ${memberId} ${state} match ${matchIndex} next ${nextIndex} in flight ${inFlight}`,
        );
      }
    }
  }

  #log(ids: readonly string[]): void {
    for (const id of this.#named(ids)) {
      const { snapshot, entries } = this.#player(id).disk;
      const base = snapshot === null ? '' : `[snapshot ${snapshot.index}/${snapshot.term}] `;
      this.#say(id, base + entries.map(entryText).join(' '));
    }
  }

  #named(ids: readonly string[]): readonly string[] {
    return ids.length > 0 ? ids : [...this.#players.keys()];
  }

  #answerText(answer: { readonly kind: string; readonly reason?: string }): string {
    return answer.reason === undefined ? answer.kind : `refused: ${answer.reason}`;
  }

  #say(id: string, text: string): void {
    this.#lines.push(`${id} ${text}`);
  }

  #player(id: string): Player {
    const player = this.#players.get(id);
    assert(player !== undefined, `no member ${id}`);
    return player;
  }

  #raft(id: string): Raft {
    const { raft } = this.#player(id);
    assert(raft !== null, `member ${id} is down`);
    return raft;
  }
}

function pairOf({ from, to }: RaftMessage): string {
  return `${from}->${to}`;
}

function membersText({ voters, outgoing, learners }: Configuration): string {
  const half = (name: string, ids: readonly string[]): string =>
    ids.length === 0 ? '' : ` ${name} ${ids.join(',')}`;
  return `voters ${voters.join(',') || 'none'}${half('outgoing', outgoing)}${half('learners', learners)}`;
}

function entryText({ index, term, type, payload }: LogEntry): string {
  if (type === 'command') return `${index}/${term}:${textOf(payload)}`;
  return `${index}/${term}:${type === 'term_start' ? '-' : '<members>'}`;
}

function eventText(event: RaftEvent): string {
  if (event.kind === 'configuration') {
    const { index, stage, configuration } = event;
    assert(configurationText(configuration).length > 0);
    return `* configuration ${stage} at ${index}: ${membersText(configuration)}`;
  }
  const { kind, ...rest } = event;
  const words = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
  return `* ${kind} ${words.join(' ')}`.trimEnd();
}

function messageText(message: RaftMessage): string {
  const { kind, term } = message;
  const head = `${kind} t${term}`;
  switch (message.kind) {
    case 'pre_vote':
    case 'vote':
      return `${head} last ${message.lastIndex}/${message.lastTerm}${message.transfer ? ' transfer' : ''}`;
    case 'pre_vote_reply':
    case 'vote_reply':
      return `${head} ${message.reason}`;
    case 'append': {
      const { previousIndex, previousTerm, commitIndex, entries } = message;
      return `${head} after ${previousIndex}/${previousTerm} commit ${commitIndex} [${entries.map(entryText).join(' ')}]`;
    }
    case 'append_reply': {
      const { matchIndex, previousIndex, hintIndex, hintTerm } = message;
      return matchIndex === null
        ? `${head} refused after ${previousIndex}, hint ${hintIndex}/${hintTerm}`
        : `${head} match ${matchIndex}`;
    }
    case 'heartbeat':
      return `${head} round ${message.round} commit ${message.commitIndex}`;
    case 'heartbeat_reply':
      return `${head} round ${message.round}`;
    case 'snapshot_chunk':
      return `${head} snapshot ${message.index}/${message.snapshotTerm} bytes ${message.offset}+${message.bytes.length} of ${message.totalBytes}`;
    case 'snapshot_reply':
      return `${head} snapshot ${message.index} next ${message.nextOffset}`;
    case 'timeout_now':
      return head;
    case 'read_index':
      return `${head} read ${message.readId}`;
    case 'read_index_reply':
      return `${head} read ${message.readId} ${message.index ?? 'refused'}`;
  }
}
