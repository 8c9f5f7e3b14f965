/**
 * The headers of HTTP that are nobody's to pass on: those that belong to one connection, and those
 * that whoever sends a request makes for it. Decides nothing of a message; names are in lower case.
 */

/** Of one connection (RFC 9110, section 7.6.1), and so for its two ends alone. */
export const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Where the request goes, how long it is, and whether it waits for a 100 before its body. */
export const MADE_BY_SENDER: ReadonlySet<string> = new Set(['host', 'content-length', 'expect']);
