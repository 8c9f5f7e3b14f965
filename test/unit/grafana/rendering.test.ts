/** What dashboards must say, or not say, for Grafana to draw what is meant; each was once drawn wrong. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FOLDER = join(import.meta.dirname, '../../../grafana/dashboards');

const PANEL = z.object({
  type: z.string(),
  title: z.string(),
  fieldConfig: z
    .object({
      defaults: z
        .object({
          color: z.object({ mode: z.string() }).optional(),
          custom: z.looseObject({ scaleDistribution: z.object({ type: z.string() }).optional() }),
        })
        .partial(),
      overrides: z.array(
        z.object({ properties: z.array(z.object({ id: z.string(), value: z.unknown() })) }),
      ),
    })
    .optional(),
  transformations: z
    .array(
      z.object({
        id: z.string(),
        options: z.looseObject({ include: z.object({ names: z.array(z.string()) }).optional() }),
      }),
    )
    .optional(),
});

const PANELS = readdirSync(FOLDER).flatMap((file) => {
  const parsed: unknown = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
  return z.object({ panels: z.array(PANEL) }).parse(parsed).panels;
});

describe('the panels in Grafana', () => {
  it('never colour series by name, which gives every legend one colour in 10.4', () => {
    const modes = PANELS.map(({ fieldConfig }) => fieldConfig?.defaults.color?.mode);
    assert.ok(modes.includes('palette-classic'));
    assert.ok(!modes.includes('palette-classic-by-name'));
  });

  it('colour state timelines by their words: thresholds would replace these by ranges', () => {
    const timelines = PANELS.filter(({ type }) => type === 'state-timeline');
    assert.ok(timelines.length > 0);
    for (const { title, fieldConfig } of timelines) {
      assert.equal(fieldConfig?.defaults.color?.mode, 'fixed', title);
    }
  });

  it('drop the names of series before rows merge, and keep the time until then', () => {
    const tables = PANELS.filter(({ type }) => type === 'table');
    assert.ok(tables.length > 0);
    for (const { title, transformations = [] } of tables) {
      const ids = transformations.map(({ id }) => id);
      assert.deepEqual(ids, ['filterFieldsByName', 'merge', 'organize'], title);
      assert.ok(transformations[0]?.options.include?.names.includes('Time'), title);
    }
  });

  it('have a short text for a missing value, which is not a number, where Grafana writes it', () => {
    const written = PANELS.filter(
      ({ type, fieldConfig }) =>
        ['table', 'state-timeline'].includes(type) ||
        fieldConfig?.defaults.custom?.scaleDistribution?.type === 'log',
    );
    assert.ok(written.length > 0);
    for (const { title, fieldConfig } of written) {
      const text = (fieldConfig?.overrides ?? [])
        .flatMap(({ properties }) => properties)
        .find(({ id }) => id === 'noValue')?.value;
      assert.ok(typeof text === 'string' && text.length === 1, title);
      // Grafana fills gaps with a text that is a number, and takes an empty one for 0.
      assert.ok(Number.isNaN(Number(text)), title);
    }
  });
});
