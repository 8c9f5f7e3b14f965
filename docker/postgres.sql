-- Run once, with an empty volume: a role of its own for the control plane, which owns its database
-- and nothing else, and one for Grafana that may read what the control plane grants it. Passwords come
-- from the secrets' files, so that none stands here or in an environment.
\set plane_password `cat /run/secrets/database-password`
\set reader_password `cat /run/secrets/grafana-reader-password`

CREATE ROLE omnimind LOGIN CONNECTION LIMIT 60 PASSWORD :'plane_password';
CREATE DATABASE omnimind OWNER omnimind;
REVOKE ALL ON DATABASE omnimind FROM PUBLIC;

CREATE ROLE grafana_reader LOGIN CONNECTION LIMIT 10 PASSWORD :'reader_password';
ALTER ROLE grafana_reader SET default_transaction_read_only = on;
ALTER ROLE grafana_reader SET statement_timeout = '10s';
GRANT CONNECT ON DATABASE omnimind TO grafana_reader;
