/**
 * The chart library as texts, for pages that hold everything they need: read from the installed package,
 * once. Fetches nothing.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface ChartAssets {
  /** Defines the global uPlot; its licence stands in its first lines. */
  readonly chartScript: string;
  readonly chartStyle: string;
  /** SHA-256 in base64. */
  readonly sha256: (text: string) => string;
}

/** @throws the system's error when the package uplot is not installed */
export async function readChartAssets(): Promise<ChartAssets> {
  const folder = new URL('./', import.meta.resolve('uplot'));
  const [chartScript, chartStyle] = await Promise.all(
    ['uPlot.iife.min.js', 'uPlot.min.css'].map((name) =>
      readFile(fileURLToPath(new URL(name, folder)), 'utf8'),
    ),
  );
  return { chartScript: chartScript ?? '', chartStyle: chartStyle ?? '', sha256 };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
