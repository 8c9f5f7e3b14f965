-- Up Migration

-- What Alertmanager told the plane: one row per time that an alert fired, from its start to its end.
-- alert_id is the start and the fingerprint, so that it sorts by time in byte order, and so that what
-- is told again (Alertmanager repeats, and retries) finds its row.
create table alerts (
  alert_id text collate "C" primary key,
  fingerprint text not null,
  name text not null,
  severity text,
  component text,
  status text not null check (status in ('firing', 'resolved')),
  starts_at timestamptz not null,
  -- Null while it fires.
  ends_at timestamptz,
  first_received_at timestamptz not null,
  last_received_at timestamptz not null,
  labels jsonb not null,
  annotations jsonb not null,
  generator_url text not null
);

create index alerts_status on alerts (status, alert_id desc);
create index alerts_name on alerts (name, alert_id desc);
create index alerts_severity on alerts (severity, alert_id desc);
create index alerts_fingerprint on alerts (fingerprint, starts_at);
create index alerts_starts_at on alerts (starts_at);
create index alerts_received on alerts (last_received_at);

-- Down Migration

drop table alerts;
