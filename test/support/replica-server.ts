/**
 * A replica for tests: answers 200 on /readyz once READY_AFTER_MS has passed, and ends on SIGTERM
 * unless IGNORE_SIGTERM is set. It does no work.
 */

import { createServer } from 'node:http';

const startedAt = performance.now();
const readyAfterMs = Number(process.env['READY_AFTER_MS'] ?? '0');
const server = createServer((request, response) => {
  const ready = request.url === '/readyz' && performance.now() - startedAt >= readyAfterMs;
  response.statusCode = ready ? 200 : 503;
  response.end(JSON.stringify(process.env));
});
server.listen(Number(process.env['PORT']), '127.0.0.1');
process.on('SIGTERM', () => {
  if (process.env['IGNORE_SIGTERM'] === undefined) process.exit(0);
});
