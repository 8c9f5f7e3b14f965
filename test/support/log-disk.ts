/**
 * A disk in memory that behaves as badly as a real one may and no worse: what was not synced is
 * lost, kept, or torn at sectors and at the file's end; names change durably in order, but only once
 * their directory is synced; a failed sync marks the pages clean without having written them. It
 * never lies about a sync that succeeded. It can lose its power, or refuse, at any single operation.
 */

import { dirname } from 'node:path';
import { LogLockedError } from '../../control-plane/adapters/log/damage.ts';
import type { Disk, DiskFile } from '../../control-plane/adapters/log/disk.ts';

const SECTOR_BYTES = 512;

/** Thrown by the operation at which the power fails, and by every one after it. */
export class PowerFailure extends Error {
  override readonly name = 'PowerFailure';
}

export interface DiskTrouble {
  /** Number of the changing operation, from 1, at which it strikes. */
  readonly atOperation: number;
  readonly kind: 'power_failure' | 'ENOSPC' | 'EIO';
}

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

interface Inode {
  /** What the disk holds. */
  durable: Uint8Array;
  /** What a reader sees. */
  content: Uint8Array;
  /** What a sync has still to bring to the disk. */
  pending: Change[];
}

type Names = Map<string, Inode>;
type Rename = (names: Names) => void;

/** 0 ≤ value < 1. */
export type Random = () => number;

export class SimulatedDisk implements Disk {
  /** Changing operations so far. */
  operations = 0;
  /** While it is set, every changing operation waits for it: a disk that hangs. */
  stall: Promise<unknown> | null = null;
  /** Their names, for the message of a failing test. */
  readonly trail: string[] = [];
  readonly #random: Random;
  #trouble: DiskTrouble | null;
  #names: Names = new Map();
  #durableNames: Names = new Map();
  #renames: { readonly directory: string; readonly apply: Rename }[] = [];
  #powerless = false;
  #locked = false;

  constructor(random: Random, trouble: DiskTrouble | null = null) {
    this.#random = random;
    this.#trouble = trouble;
  }

  /** The disk as it is found after the power has failed now. */
  afterPowerFailure(trouble: DiskTrouble | null = null): SimulatedDisk {
    const after = new SimulatedDisk(this.#random, trouble);
    const survivors: Names = new Map(this.#durableNames);
    // The journal keeps the order of names; some of the unsynced ones may have made it.
    const kept = Math.floor(this.#random() * (this.#renames.length + 1));
    for (const { apply } of this.#renames.slice(0, kept)) apply(survivors);
    after.#adopt(survivors, (inode) => torn(inode, this.#random));
    return after;
  }

  /** The disk as a new process finds it on the running machine: the kernel's memory is still there. */
  afterProcessDeath(trouble: DiskTrouble | null = null): SimulatedDisk {
    const after = new SimulatedDisk(this.#random, trouble);
    after.#names = new Map(this.#names);
    after.#durableNames = new Map(this.#durableNames);
    after.#renames = [...this.#renames];
    return after;
  }

  /** The same disk, standing still: nothing unsynced is lost, and the copy can be changed alone. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk(this.#random);
    copy.#adopt(this.#names, (inode) => inode.content);
    return copy;
  }

  /** For tests that damage a file: its bytes as they would be read. */
  bytesOf(path: string): Uint8Array {
    return this.#inode(path).content;
  }

  /** For tests that damage a file: replaces its bytes, on the disk as well. */
  plant(path: string, bytes: Uint8Array): void {
    const inode = { durable: bytes, content: bytes, pending: [] };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** For tests that damage a file which is open: flips one byte of it, on the disk as well. */
  damage(path: string, at: number): void {
    const inode = this.#inode(path);
    for (const bytes of [inode.content, inode.durable]) bytes[at] = (bytes[at] ?? 0) ^ 1;
  }

  /** For tests that damage a directory. */
  unplant(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  paths(): readonly string[] {
    return [...this.#names.keys()].toSorted();
  }

  async makeDirectory(): Promise<void> {
    await this.#turn();
  }

  async list(directory: string): Promise<readonly string[]> {
    await this.#turn();
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(directory.length + 1));
  }

  async read(path: string): Promise<Uint8Array> {
    await this.#turn();
    return this.#inode(path).content.slice();
  }

  async readRange(path: string, position: number, length: number): Promise<Uint8Array> {
    await this.#turn();
    return this.#inode(path).content.slice(position, position + length);
  }

  async create(path: string): Promise<DiskFile> {
    await this.#change(`create ${path}`);
    const inode: Inode = { durable: new Uint8Array(), content: new Uint8Array(), pending: [] };
    this.#rename(dirname(path), (names) => names.set(path, inode));
    return this.#fileOn(path, inode);
  }

  async open(path: string): Promise<DiskFile> {
    await this.#turn();
    return this.#fileOn(path, this.#inode(path));
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#inode(from);
    await this.#change(`rename ${to}`, () => {
      this.#rename(dirname(to), (names) => {
        names.delete(from);
        names.set(to, inode);
      });
    });
    this.#rename(dirname(to), (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  async remove(path: string): Promise<void> {
    this.#inode(path);
    await this.#change(`remove ${path}`);
    this.#rename(dirname(path), (names) => names.delete(path));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#change(`syncDirectory ${path}`);
    for (const { apply } of this.#renames) apply(this.#durableNames);
    this.#renames = [];
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    await this.#turn();
    if (this.#locked) throw new LogLockedError(`${directory} is held`);
    this.#locked = true;
    return () => {
      this.#locked = false;
      return Promise.resolve();
    };
  }

  #fileOn(path: string, inode: Inode): DiskFile {
    const make = (change: Change): void => {
      inode.content = applyChange(inode.content, change);
      inode.pending.push(change);
    };
    const write = async (bytes: Uint8Array, position: number): Promise<void> => {
      const copy = bytes.slice();
      // The kernel copies a page at a time: what ends early ends at a sector of the file.
      const stop = position + Math.floor(this.#random() * copy.length);
      const part = copy.slice(0, Math.max(0, stop - (stop % SECTOR_BYTES) - position));
      await this.#change(`write ${path}`, () => {
        make({ kind: 'write', position, bytes: part });
      });
      make({ kind: 'write', position, bytes: copy });
    };
    const sync = async (): Promise<void> => {
      await this.#change(`sync ${path}`, () => {
        // The pages are clean now, whatever the disk got of them.
        if (this.#powerless) return;
        inode.durable = torn(inode, this.#random);
        inode.pending = [];
      });
      for (const change of inode.pending) inode.durable = applyChange(inode.durable, change);
      inode.pending = [];
    };
    return {
      write,
      writeThrough: async (bytes, position) => {
        await write(bytes, position);
        await sync();
      },
      truncate: async (length) => {
        await this.#change(`truncate ${path}`);
        make({ kind: 'truncate', length });
      },
      sync,
      close: () => Promise.resolve(),
    };
  }

  /** Counts a changing operation; when trouble strikes here, does its half of the work and throws. */
  async #change(name: string, half: () => void = () => undefined): Promise<void> {
    await this.#turn();
    this.operations += 1;
    this.trail.push(name);
    await this.stall;
    const trouble = this.#trouble;
    if (trouble?.atOperation !== this.operations) return;
    this.#powerless = trouble.kind === 'power_failure';
    half();
    if (this.#powerless) throw new PowerFailure(`at operation ${this.operations}, ${name}`);
    this.#trouble = null;
    const error = new Error(`${trouble.kind}: ${name}`);
    throw Object.assign(error, { code: trouble.kind });
  }

  /** Lets others run, as every call into the kernel does. */
  async #turn(): Promise<void> {
    await Promise.resolve();
    if (this.#powerless) throw new PowerFailure('the power is gone');
  }

  #rename(directory: string, apply: Rename): void {
    apply(this.#names);
    this.#renames.push({ directory, apply });
  }

  #adopt(names: Names, bytesOf: (inode: Inode) => Uint8Array): void {
    for (const [path, inode] of names) this.plant(path, bytesOf(inode));
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    }
    return inode;
  }
}

function applyChange(bytes: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'truncate') return bytes.slice(0, change.length);
  const size = Math.max(bytes.length, change.position + change.bytes.length);
  const next = new Uint8Array(size);
  next.set(bytes);
  next.set(change.bytes, change.position);
  return next;
}

/**
 * What the disk holds when only some of the unsynced sectors, lengths and cuts have reached it. A
 * sector is written whole whatever the length; the length then decides what of it can be read.
 */
function torn(inode: Inode, random: Random): Uint8Array {
  const ends = inode.pending.map((one) =>
    one.kind === 'write' ? one.position + one.bytes.length : 0,
  );
  const media = new Uint8Array(Math.max(inode.durable.length, ...ends));
  media.set(inode.durable);
  let { length } = inode.durable;
  const keep = random();
  for (const change of inode.pending) {
    if (change.kind === 'truncate') {
      if (random() >= keep) continue;
      ({ length } = change);
      media.fill(0, length);
      continue;
    }
    const end = change.position + change.bytes.length;
    if (end > length) length += Math.floor((end - length) * grownShare(random));
    for (let at = change.position; at < end;) {
      const stop = Math.min(end, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
      const part = change.bytes.subarray(at - change.position, stop - change.position);
      if (random() < keep) media.set(part, at);
      at = stop;
    }
  }
  return media.slice(0, length);
}

/** The length is often old or new, and may be anything between. */
function grownShare(random: Random): number {
  const roll = random();
  if (roll < 0.25) return 0;
  return roll < 0.65 ? 1 : random();
}
