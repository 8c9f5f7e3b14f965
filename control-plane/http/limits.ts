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
  /** How long a change of the members, or a transfer of leadership, may take. */
  readonly membershipTimeoutMs: number;
  /** How long a read waits for a quorum to confirm that this member leads. */
  readonly barrierTimeoutMs: number;
  /** How long a request waits for a leader while none is known; elections take less than a second. */
  readonly leaderWaitMs: number;
  /** How long a connection to the leader may take to stand. */
  readonly leaderConnectTimeoutMs: number;
  /** How long the answer of a leader is still waited for once another one is known. */
  readonly successionGraceMs: number;
  /** From reading a request to the answer of whichever leader gives it; more than any wait of that leader. */
  readonly forwardTimeoutMs: number;
  /** Requests that wait for the leader at the same time; beyond it 503. */
  readonly forwardsInFlightMax: number;
  /** Largest answer that is passed on. */
  readonly forwardedAnswerBytesMax: number;
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
  membershipTimeoutMs: 10_000,
  barrierTimeoutMs: 2_000,
  leaderWaitMs: 1_000,
  leaderConnectTimeoutMs: 1_000,
  successionGraceMs: 250,
  forwardTimeoutMs: 12_000,
  forwardsInFlightMax: 512,
  forwardedAnswerBytesMax: 32 * 1024 * 1024,
  storeTimeoutMs: 5_000,
  metricsTimeoutMs: 8_000,
  stopGraceMs: 3_000,
};
