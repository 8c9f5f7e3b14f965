/** The smallest replica: serves /readyz on PORT until it is told to end. */

import { createServer } from 'node:http';
import process from 'node:process';

const server = createServer((_request, response) => response.end('ok'));
server.listen(Number(process.env['PORT']), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
