/**
 * What an exchange with the query API means. Every byte of an answer is judged here: anything that
 * is not exactly the API's envelope with the result type that was asked for is a typed failure,
 * never a number. Pure.
 */

import type { InstantSample, RangeSeries } from '../../ports/metrics-source.ts';
import type { Exchange } from './connection.ts';

/** Closed set; also the label of the request counter. */
export const REQUEST_OUTCOMES = [
  'ok',
  'rejected',
  'malformed',
  'incomplete',
  'oversized',
  'unavailable',
  'timeout',
  'aborted',
] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

export interface Failure {
  readonly kind: Exclude<RequestOutcome, 'ok'>;
  readonly detail: string;
  /** Counts for the breaker: no server of the API was there to answer. */
  readonly transport: boolean;
}

export type Answer<T> = { readonly kind: 'ok'; readonly result: T } | Failure;

/** Samples of an instant query; a scalar is one sample without labels. */
export function parseInstantAnswer(exchange: Exchange): Answer<readonly InstantSample[]> {
  return parseAnswer(exchange, (type, result) => {
    if (type === 'scalar') return scalarOf(result);
    if (type !== 'vector') return `the query answers with a ${type}, not a vector or scalar`;
    return listOf(result, sampleOf);
  });
}

/** Series of a range query. */
export function parseRangeAnswer(exchange: Exchange): Answer<readonly RangeSeries[]> {
  return parseAnswer(exchange, (type, result) =>
    type === 'matrix' ? listOf(result, seriesOf) : `the answer is a ${type}, not a matrix`,
  );
}

/** The result, or what is wrong with it. */
type Parse<T> = (resultType: string, result: unknown) => T | string;

function parseAnswer<T extends object>(exchange: Exchange, parse: Parse<T>): Answer<T> {
  switch (exchange.kind) {
    case 'aborted':
      return { kind: 'aborted', detail: 'aborted', transport: false };
    case 'broken':
      return { kind: 'unavailable', detail: exchange.detail, transport: true };
    case 'oversized':
      return { kind: 'oversized', detail: exchange.detail, transport: false };
    case 'garbled':
      return malformed(exchange.detail);
    case 'answered':
      return judge(exchange, parse);
  }
}

type Answered = Extract<Exchange, { kind: 'answered' }>;

function judge<T extends object>(exchange: Answered, parse: Parse<T>): Answer<T> {
  const { status } = exchange;
  const envelope = envelopeOf(exchange);
  if (envelope !== null && envelope['status'] === 'error') return apiError(status, envelope);
  if (status !== 200) {
    const transport = status >= 500;
    if (status >= 200 && status < 300) return malformed(`status ${status} instead of 200`);
    const hint = status >= 300 && status < 400 ? ', a redirect, which is not followed' : '';
    const detail = `status ${status}${hint}: ${beginning(exchange.body)}`;
    return { kind: 'unavailable', detail, transport };
  }
  if (envelope === null) return malformed(whyNoEnvelope(exchange));
  const data = envelope['data'];
  if (envelope['status'] !== 'success' || !isRecord(data)) {
    return malformed(`no data with status success: ${beginning(exchange.body)}`);
  }
  const { resultType, result } = data;
  if (typeof resultType !== 'string') return malformed('no resultType');
  const parsed = parse(resultType, result);
  if (typeof parsed === 'string') return malformed(parsed);
  const lacking = whatLacks(envelope);
  if (lacking !== null) return { kind: 'incomplete', detail: lacking, transport: false };
  return { kind: 'ok', result: parsed };
}

/** What the engine remarks about a query as such (Prometheus 2.48 and later): all data was there. */
const REMARK = /^PromQL (warning|info):/;

/**
 * Null when the server answers for all of its data. VictoriaMetrics marks an answer that lacks some
 * with `isPartial`; Thanos, and Prometheus with remote read, warn of the stores that did not answer.
 * A sum over half of the replicas looks like low load: such an answer is none.
 */
function whatLacks({ isPartial, warnings }: Readonly<Record<string, unknown>>): string | null {
  if (isPartial !== undefined && isPartial !== false) return 'the answer is marked as partial';
  if (warnings === undefined || warnings === null) return null;
  const list: readonly unknown[] = Array.isArray(warnings) ? warnings : [warnings];
  const found = list.find((one) => typeof one !== 'string' || !REMARK.test(one));
  if (found === undefined) return null;
  return `the server warns: ${beginning(typeof found === 'string' ? found : JSON.stringify(found))}`;
}

/** An error in the API's own words: the server lives. */
function apiError(status: number, envelope: Readonly<Record<string, unknown>>): Failure {
  const { errorType, error } = envelope;
  if (typeof errorType !== 'string' || typeof error !== 'string') {
    return malformed(`status ${status} with an error that says neither type nor message`);
  }
  const detail = `${errorType}: ${beginning(error)}`;
  switch (errorType) {
    case 'bad_data':
    case 'execution':
    case 'too_many_samples':
      return { kind: 'rejected', detail, transport: false };
    case '400':
    case '422':
      // VictoriaMetrics gives the status as the type, the same one for a wrong query and a slow one.
      return { kind: SLOW.test(error) ? 'timeout' : 'rejected', detail, transport: false };
    case 'timeout':
    case 'canceled':
      return { kind: 'timeout', detail, transport: false };
    default:
      // Among others `too_many_requests` of Mimir, `server_busy` of Thanos.
      return { kind: 'unavailable', detail, transport: status >= 500 };
  }
}

const SLOW = /timeout exceeded|deadline exceeded|search\.maxQueryDuration/;

function envelopeOf({ contentType, body }: Answered): Readonly<Record<string, unknown>> | null {
  if (!isJson(contentType)) return null;
  const value = parseJson(body);
  return isRecord(value) ? value : null;
}

function whyNoEnvelope({ contentType, body }: Answered): string {
  if (!isJson(contentType)) {
    return `content type ${contentType === '' ? 'missing' : beginning(contentType)} instead of application/json: ${beginning(body)}`;
  }
  const cut = parseJson(body) === undefined ? 'cut or invalid JSON' : 'no JSON object';
  return `${cut}, ${body.length} characters: ${beginning(body)}`;
}

function isJson(contentType: string): boolean {
  return /^application\/json\s*(;|$)/i.test(contentType);
}

/** Undefined when the text is not JSON; JSON itself has no undefined. */
function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function sampleOf(element: unknown): InstantSample | string {
  if (!isRecord(element)) return 'a sample that is no object';
  const labels = labelsOf(element['metric']);
  if (labels === null) return 'a sample whose labels are not texts';
  // A native histogram is an answer of the API, and no number: the reader sees it as NaN.
  const pair = element['value'] ?? histogramAsNaN(element['histogram']);
  const point = pointOf(pair);
  if (typeof point === 'string') return point;
  return { labels, value: point[1], evaluatedAtMs: point[0] };
}

function histogramAsNaN(histogram: unknown): unknown {
  return Array.isArray(histogram) ? [histogram[0], 'NaN'] : undefined;
}

function seriesOf(element: unknown): RangeSeries | string {
  if (!isRecord(element)) return 'a series that is no object';
  const labels = labelsOf(element['metric']);
  if (labels === null) return 'a series whose labels are not texts';
  const points = listOf(element['values'] ?? [], pointOf);
  return typeof points === 'string' ? points : { labels, points };
}

function scalarOf(result: unknown): readonly InstantSample[] | string {
  const point = pointOf(result);
  return typeof point === 'string'
    ? point
    : [{ labels: {}, value: point[1], evaluatedAtMs: point[0] }];
}

function pointOf(pair: unknown): readonly [number, number] | string {
  if (!Array.isArray(pair) || pair.length !== 2) return 'a value that is no pair of time and text';
  const [seconds, text] = pair as readonly unknown[];
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return 'a time that is no number';
  const value = typeof text === 'string' ? numberOf(text) : null;
  if (value === null) return `a value that is no number as text: ${beginning(String(text))}`;
  return [Math.round(seconds * 1_000), value];
}

function numberOf(text: string): number | null {
  if (text === 'NaN') return NaN;
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

function labelsOf(metric: unknown): Readonly<Record<string, string>> | null {
  if (!isRecord(metric)) return null;
  const entries = Object.entries(metric);
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return texts.length === entries.length ? Object.fromEntries(texts) : null;
}

/** The elements parsed, or what is wrong with the first bad one. */
function listOf<T extends object>(
  list: unknown,
  parse: (element: unknown) => T | string,
): readonly T[] | string {
  if (!Array.isArray(list)) return 'a result that is no list';
  const parsed: T[] = [];
  for (const element of list as readonly unknown[]) {
    const one = parse(element);
    if (typeof one === 'string') return one;
    parsed.push(one);
  }
  return parsed;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(detail: string): Failure {
  return { kind: 'malformed', detail, transport: false };
}

/** The first characters of something unexpected, on one line. */
function beginning(text: string): string {
  const line = text
    .slice(0, 200)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line === '' ? '(empty)' : line.length < text.length ? `${line.slice(0, 120)}...` : line;
}
