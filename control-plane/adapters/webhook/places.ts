/**
 * Where the receiver of each workload is: what a removal needs, when the workload itself is gone from
 * the state. In a file of the member's own, replaced at once, so that it outlives the process; every
 * member keeps it for what it has seen, since any may have to tell the removal. It tells nobody.
 */

import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { WebhookTarget } from '../../model/workload.ts';

/** A receiver that may have been told of the workload. */
export type Place = Pick<WebhookTarget, 'url' | 'secret' | 'requestTimeoutMs'>;

const placeShape = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string(),
  requestTimeoutMs: z.number().positive(),
}) satisfies z.ZodType<Place>;

const fileShape = z.strictObject({
  version: z.literal(1),
  places: z.record(z.string().regex(/^[a-z0-9-]{1,63}$/), placeShape),
});

export interface PlacesOptions {
  readonly file: string;
  readonly placesMax: number;
  /** The file could not be read or written; the places are still known to this process. */
  readonly onTrouble: (error: unknown) => void;
}

export class Places {
  readonly #options: PlacesOptions;
  readonly #places: Map<string, Place>;
  #written = '';
  #writing: Promise<void> | null = null;

  private constructor(options: PlacesOptions, places: Map<string, Place>) {
    this.#options = options;
    this.#places = places;
  }

  /** A file that is damaged is put aside, told of, and begun anew. */
  static async open(options: PlacesOptions): Promise<Places> {
    const { file, onTrouble } = options;
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (!isMissing(error)) onTrouble(new Error(`${file} cannot be read`, { cause: error }));
      return new Places(options, new Map());
    }
    try {
      const { places } = fileShape.parse(JSON.parse(text));
      return new Places(options, new Map(Object.entries(places)));
    } catch (cause) {
      await rename(file, `${file}.damaged`).catch(onTrouble);
      onTrouble(new Error(`${file} is damaged and was renamed to ${file}.damaged`, { cause }));
      return new Places(options, new Map());
    }
  }

  ids(): readonly string[] {
    return [...this.#places.keys()];
  }

  placeOf(workloadId: string): Place | null {
    return this.#places.get(workloadId) ?? null;
  }

  /** False where there is no room for another one. On disk when it resolves, unless there was trouble. */
  async note(workloadId: string, { url, secret, requestTimeoutMs }: Place): Promise<boolean> {
    const known = this.#places.get(workloadId);
    if (known === undefined && this.#places.size >= this.#options.placesMax) return false;
    this.#places.set(workloadId, { url, secret, requestTimeoutMs });
    await this.#write();
    return true;
  }

  async forget(workloadId: string): Promise<void> {
    if (this.#places.delete(workloadId)) await this.#write();
  }

  /** One write at a time; whoever comes in between has theirs in the next. */
  #write(): Promise<void> {
    if (this.#render() === this.#written && this.#writing === null) return Promise.resolve();
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      for (let text = this.#render(); text !== this.#written; text = this.#render()) {
        await replaceFile(this.#options.file, text);
        this.#written = text;
      }
    } catch (cause) {
      this.#options.onTrouble(new Error(`writing ${this.#options.file}`, { cause }));
    } finally {
      this.#writing = null;
    }
  }

  #render(): string {
    const places = Object.fromEntries([...this.#places].sort(([a], [b]) => (a < b ? -1 : 1)));
    return `${JSON.stringify({ version: 1, places }, null, 2)}\n`;
  }
}

/** For the member's eyes alone: a URL may hold what only the receiver should know. */
async function replaceFile(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await using handle = await open(aside, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
    await rename(aside, file);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await using directory = await open(dirname(file), 'r');
  await directory.sync();
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
