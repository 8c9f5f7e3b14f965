/** Every bound of the HTTP edge, by name, with its default. Times in ms, sizes in bytes. */

export interface HttpLimits {
  /** Largest request body that is read. */
  readonly bodyBytesMax: number;
  /** Deepest nesting of objects and arrays in a body. */
  readonly bodyDepthMax: number;
  /** Most values (members, elements, scalars) in a body. */
  readonly bodyValuesMax: number;
  /** What is still taken in and thrown away after a refusal, before the connection is cut. */
  readonly drainBytesMax: number;
  /** Most faults that one problem lists; how many more there were is said. */
  readonly faultsMax: number;
  /** Requests of one route that are answered at the same time; beyond it 503. */
  readonly requestsInFlightMax: number;
  readonly connectionsMax: number;
  /** Request line and headers together; beyond it 431. */
  readonly headerBytesMax: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves in either direction for this long is cut. */
  readonly socketIdleTimeoutMs: number;
  /** How long a request waits for its command to be committed. */
  readonly commitTimeoutMs: number;
  /** How long a request waits for the decision store. */
  readonly storeTimeoutMs: number;
  /** How long a scrape waits for the exposition. */
  readonly metricsTimeoutMs: number;
  /** How long requests in flight may take to finish once the server stops. */
  readonly stopGraceMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  bodyBytesMax: 1024 * 1024,
  bodyDepthMax: 32,
  bodyValuesMax: 50_000,
  drainBytesMax: 32 * 1024 * 1024,
  faultsMax: 100,
  requestsInFlightMax: 512,
  connectionsMax: 2048,
  headerBytesMax: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  socketIdleTimeoutMs: 60_000,
  commitTimeoutMs: 5_000,
  storeTimeoutMs: 5_000,
  metricsTimeoutMs: 8_000,
  stopGraceMs: 3_000,
};
