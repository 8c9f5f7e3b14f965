/** What the API says of alerts, as schemas. They parse nothing on the way out. */

import { z } from 'zod';
import { ALERT_STATUSES } from '../model/alert.ts';

const atMs = z.number().meta({ description: 'UNIX time in ms.' });
const texts = z.record(z.string(), z.string());

export const alertReceipt = z
  .strictObject({ kept: z.int().min(1) })
  .meta({ id: 'AlertReceipt', description: 'How many alerts of the message were kept.' });

export const alertView = z
  .strictObject({
    alertId: z.string().meta({ description: 'Sorts by start.' }),
    fingerprint: z.string().meta({ description: 'Of the labels, by Alertmanager.' }),
    name: z.string(),
    status: z.enum(ALERT_STATUSES),
    startsAtMs: atMs,
    endsAtMs: atMs.nullable().meta({ description: 'UNIX time in ms; null while it fires.' }),
    labels: texts,
    annotations: texts,
    generatorUrl: z.string().meta({ description: 'Where the expression can be seen.' }),
    firstReceivedAtMs: atMs,
    lastReceivedAtMs: atMs.meta({
      description:
        'UNIX time in ms. Alertmanager repeats what goes on: a firing alert that is not repeated for hours is one that it forgot.',
    }),
  })
  .meta({ id: 'Alert', description: 'One time that an alert fired.' });
