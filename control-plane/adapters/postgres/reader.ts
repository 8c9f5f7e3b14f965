/**
 * The role that dashboards read with. It may read the views named grafana_* and nothing else, cannot
 * write, and cannot hold the database up for long; without a password it cannot log in. What reaches
 * the server, and with it the server's own log, is the password's verifier, never the password.
 */

import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { ClientBase } from 'pg';

export const READER_ROLE = 'grafana_reader';

/** PostgreSQL's own numbers (RFC 5802, and src/include/common/scram-common.h). */
const SCRAM_ITERATIONS = 4_096;
const SCRAM_SALT_BYTES = 16;
const SHA_256_BYTES = 32;

const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * Creates the role where it is missing and has it log in with this password from now on.
 * @param password printable ASCII, which needs no normalization (RFC 4013)
 * @throws the database's error, with nothing changed; `42501` when this user may not manage roles
 */
export async function setReaderPassword(client: ClientBase, password: string): Promise<void> {
  const verifier = await scramVerifier(password, randomBytes(SCRAM_SALT_BYTES));
  await client.query('begin');
  try {
    await client.query(CREATE_WHERE_MISSING);
    await client.query(GRANT_VIEWS);
    for (const setting of [
      'default_transaction_read_only = on',
      `statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
    ]) {
      await client.query(`alter role ${READER_ROLE} set ${setting}`);
    }
    // A role's password cannot be a parameter; the verifier has letters of base64, $, : and - alone.
    const quoted = client.escapeLiteral(verifier);
    await client.query(`alter role ${READER_ROLE} with login password ${quoted}`);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined);
    throw cause;
  }
}

/** What a server keeps of a password for SCRAM-SHA-256, and takes in its place (RFC 5803). */
export async function scramVerifier(password: string, salt: Uint8Array): Promise<string> {
  const salted = await promisify(pbkdf2)(password, salt, SCRAM_ITERATIONS, SHA_256_BYTES, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const serverKey = keyed('Server Key').toString('base64');
  const saltText = Buffer.from(salt).toString('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${saltText}$${storedKey}:${serverKey}`;
}

const CREATE_WHERE_MISSING = `
  do $$
  begin
    create role ${READER_ROLE} nologin;
  exception
    when duplicate_object or unique_violation then null;
  end
  $$`;

const GRANT_VIEWS = `
  do $$
  declare
    one record;
  begin
    execute format('grant usage on schema %I to ${READER_ROLE}', current_schema());
    for one in select viewname from pg_views
      where schemaname = current_schema() and viewname like 'grafana\\_%'
    loop
      execute format('grant select on %I to ${READER_ROLE}', one.viewname);
    end loop;
  end
  $$`;
