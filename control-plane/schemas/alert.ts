/**
 * What Alertmanager sends to a webhook: version 4 of its message. Unknown fields are let through and
 * dropped, other than in documents that people write: they are of another program, which adds some
 * from time to time, and an alert refused for one would be an alert lost. Everything that is kept is
 * bounded.
 */

import { z } from 'zod';
import { ALERT_STATUSES } from '../model/alert.ts';
import type { AlertNotice } from '../model/alert.ts';
import { expected, list, oneOf, text, textMap, textOrEmpty, wholeNumber } from './document.ts';
import { parseWith } from './fault.ts';

/** Alertmanager's `max_alerts` in alerts/alertmanager.yml is lower. */
export const ALERTS_MAX = 1_000;
const LABELS_MAX = 64;
const LABEL_CHARACTERS_MAX = 1_024;
const ANNOTATION_CHARACTERS_MAX = 8_192;
const URL_CHARACTERS_MAX = 8_192;
/** What an id of 12 hexadecimal digits can say; the year 10889. */
const INSTANT_MAX_MS = 2 ** 48 - 1;

/** RFC 3339, UNIX ms once parsed; Go writes up to nine digits of a second. */
const instant = z
  .string({ error: (issue) => expected('an instant', issue.input) })
  .max(40, { error: 'expected an instant such as 2026-11-21T10:00:00Z' })
  .pipe(z.iso.datetime({ offset: true, error: 'expected an instant such as 2026-11-21T10:00:00Z' }))
  .transform((at) => Date.parse(at));

const startInstant = instant.refine((ms) => ms >= 0 && ms <= INSTANT_MAX_MS, {
  error: 'expected an instant after 1970',
});

const labels = boundedMap('labels', LABEL_CHARACTERS_MAX).refine(
  (map) => (map['alertname'] ?? '') !== '',
  { path: ['alertname'], error: 'required: expected the name of the alert' },
);

const alert = looseObject('an alert', {
  status: oneOf(ALERT_STATUSES),
  labels,
  annotations: boundedMap('annotations', ANNOTATION_CHARACTERS_MAX),
  startsAt: startInstant.meta({ format: 'date-time', examples: ['2026-11-21T10:00:00.123Z'] }),
  endsAt: instant.meta({ description: 'The year 1, or in the future, while it fires.' }),
  generatorURL: textOrEmpty('a URL', URL_CHARACTERS_MAX).default(''),
  fingerprint: text('a fingerprint', 16).regex(/^[0-9a-f]{16}$/u, {
    error: 'expected 16 hexadecimal digits',
  }),
});

export const alertmanagerMessage = looseObject('a message of Alertmanager', {
  version: z.literal('4', { error: (issue) => expected('the version "4"', issue.input) }),
  groupKey: text('a group key', 65_536),
  status: oneOf(ALERT_STATUSES),
  receiver: textOrEmpty('the name of a receiver', 1_024),
  externalURL: textOrEmpty('a URL', URL_CHARACTERS_MAX),
  truncatedAlerts: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  alerts: list(`1 to ${ALERTS_MAX} alerts`, alert, 1, ALERTS_MAX),
}).meta({
  id: 'AlertmanagerMessage',
  description: 'Version 4 of what Alertmanager sends to webhooks. Further fields are ignored.',
});

/**
 * The alerts of a message, as told at `receivedAtMs`.
 * @throws SchemaError with every fault
 */
export function parseAlertmanagerMessage(
  value: unknown,
): (receivedAtMs: number) => readonly AlertNotice[] {
  const { alerts } = parseWith(alertmanagerMessage, value);
  return (receivedAtMs) =>
    alerts.map(({ startsAt, endsAt, generatorURL, ...one }) => ({
      ...one,
      name: one.labels['alertname'] ?? '',
      startsAtMs: startsAt,
      // An end before the start is one of clocks that differ: it lasted no time.
      endsAtMs: one.status === 'resolved' ? Math.max(startsAt, endsAt) : null,
      generatorUrl: generatorURL,
      receivedAtMs,
    }));
}

function boundedMap(what: string, valueCharactersMax: number) {
  return textMap(`at most ${LABELS_MAX} ${what}`, valueCharactersMax).refine(
    (map) => Object.keys(map).length <= LABELS_MAX,
    { error: `expected at most ${LABELS_MAX} ${what}` },
  );
}

/** Further fields are left out of the result. */
function looseObject<Shape extends z.core.$ZodLooseShape>(what: string, shape: Shape) {
  return z.object(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? expected(what, issue.input) : undefined),
  });
}
