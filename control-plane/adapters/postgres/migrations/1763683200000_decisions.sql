-- Up Migration

-- The decision record. `record` is json and not jsonb: its text is kept as it was written, so that
-- a replay reads the very numbers that the decider read. The other columns are there to be asked
-- for. decision_id sorts by time in byte order, which "C" is and most locales are not.
create table decisions (
  decision_id text collate "C" primary key,
  at timestamptz not null,
  kind text not null,
  workload_id text not null,
  policy_id text not null,
  policy_version integer not null,
  verdict text not null check (verdict in ('act', 'hold')),
  direction text check (direction in ('out', 'in')),
  reason text not null,
  replicas_before integer not null,
  replicas_after integer not null,
  mode text not null,
  trace_id text not null,
  log_term bigint,
  log_index bigint,
  record json not null
);

create index decisions_workload on decisions (workload_id, decision_id desc);
create index decisions_policy on decisions (policy_id, decision_id desc);
create index decisions_reason on decisions (reason, decision_id desc);
create index decisions_acts on decisions (decision_id desc) where verdict = 'act';
create index decisions_trace on decisions (trace_id);
create index decisions_at on decisions (at);

-- Down Migration

drop table decisions;
