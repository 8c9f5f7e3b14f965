/**
 * Plants a fault into one source file when that is loaded. It must be called before anything imports
 * that file, and holds for the thread that calls it. A plant that does not fit the source exactly once
 * is refused: it would prove nothing.
 */

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plant } from './plants.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export class PlantError extends Error {
  override readonly name = 'PlantError';
}

/** The source with the fault in it. @throws PlantError */
export function plantedSource({ name, file, find, replace }: Plant): string {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const [before, after, ...more] = source.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    const times = source.split(find).length - 1;
    throw new PlantError(`plant ${name}: its text occurs ${times} times in ${file}, not once`);
  }
  return before + replace + after;
}

/** @throws PlantError */
export function plantFault(plant: Plant): void {
  const source = plantedSource(plant);
  const planted = pathToFileURL(join(ROOT, plant.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      if (url !== planted) return nextLoad(url, context);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
}
