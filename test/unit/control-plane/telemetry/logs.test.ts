/** Log lines: what is on them, and what is kept off. */

import assert from 'node:assert/strict';
import { createLogger, withoutCredentials } from '../../../../control-plane/telemetry/logs.ts';
import type { LogLevel } from '../../../../control-plane/telemetry/logs.ts';

describe('logs', () => {
  const capture = (level: LogLevel = 'info') => {
    const lines: string[] = [];
    const logger = createLogger({
      level,
      service: 'omnimind-control-plane',
      version: '1.2.3',
      member: 'm-1',
      destination: { write: (line) => void lines.push(line) },
    });
    return { logger, lines, last: (): unknown => JSON.parse(lines.at(-1) ?? '') };
  };

  it('say when, how grave, who and what', () => {
    const { logger, lines } = capture();
    logger.info({ workload: 'w', reason: 'signal_stale' }, 'holding');
    assert.match(
      lines[0] ?? '',
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT[\d:.]+Z","service":"omnimind-control-plane","version":"1\.2\.3","member":"m-1","workload":"w","reason":"signal_stale","msg":"holding"\}\n$/,
    );
  });

  it('leave out what is below their level', () => {
    const { logger, lines } = capture('warn');
    logger.info({}, 'no');
    logger.debug({}, 'no');
    logger.warn({}, 'yes');
    logger.error({}, 'yes');
    assert.equal(lines.length, 2);
  });

  it('are counted by level, those that are left out not', () => {
    const counted: string[] = [];
    const logger = createLogger({
      level: 'info',
      service: 's',
      version: '0',
      member: 'm-1',
      destination: { write: () => undefined },
      onLine: (level) => void counted.push(level),
    });
    logger.debug({}, 'no');
    logger.info({}, 'yes');
    logger.child({ part: 'x' }).warn({}, 'yes');
    logger.error({}, 'yes');
    assert.deepEqual(counted, ['info', 'warn', 'error']);
  });

  it('write an error with its type and its cause', () => {
    const { logger, lines } = capture();
    logger.warn({ err: new Error('outer', { cause: new TypeError('inner') }) }, 'failed');
    assert.match(lines[0] ?? '', /"type":"Error"/);
    assert.match(lines[0] ?? '', /inner/);
  });

  it('cut out secrets by the name of their field', () => {
    const { logger, lines } = capture();
    const headers = { authorization: 'hidden-1', accept: 'text/plain' };
    logger.info(
      { password: 'hidden-2', request: { headers }, database: { secret: 'hidden-3' } },
      'x',
    );
    assert.doesNotMatch(lines[0] ?? '', /hidden/);
    assert.match(lines[0] ?? '', /text\/plain/);
  });

  it('cut credentials out of URLs and headers wherever they stand', () => {
    const { logger, lines } = capture();
    const err = new Error('cannot reach postgres://plane:hidden-1@db.example:5432/omnimind');
    logger.error({ err }, 'sent Authorization: Bearer hidden-2.x to redis://:hidden-3@cache');
    assert.doesNotMatch(lines[0] ?? '', /hidden/);
    assert.match(lines[0] ?? '', /postgres:\/\/plane:\[redacted\]@db\.example/);
  });

  it('leave a line without credentials as it is', () => {
    const line = '{"url":"http://127.0.0.1:9090/api?a=b@c","text":"user:name@example.org"}\n';
    assert.equal(withoutCredentials(line), line);
  });

  it('leave the fencing token alone, which is no secret', () => {
    const { logger, lines } = capture();
    logger.info({ token: { term: 1, index: 2 } }, 'acted');
    assert.match(lines[0] ?? '', /"token":\{"term":1,"index":2\}/);
  });

  it('add the fields of a child to each of its lines', () => {
    const { logger, last } = capture();
    logger.child({ loop: 'scale' }).info({}, 'tick');
    const line = last();
    assert.ok(typeof line === 'object' && line !== null && 'loop' in line);
    assert.equal(line.loop, 'scale');
  });
});
