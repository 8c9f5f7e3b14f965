-- Up Migration

-- What panels show as annotations: when the plane acted, when its mode changed, when it elected a
-- leader, when an alert fired. Read by a role of its own, which sees the views below and nothing else.

-- Every election that ended, won or lost. Members remember the newest only; here they stay.
create table elections (
  election_id text collate "C" primary key,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  candidate_id text not null,
  term bigint not null,
  cause text not null,
  outcome text not null,
  suspected_leader_id text,
  silent_for_ms double precision,
  trace_id text not null,
  record json not null
);

create index elections_started_at on elections (started_at);

-- A decision whose mode is not that of the decision before it, of the same workload. Kept when records
-- are written: a panel that looked for the changes would read every decision there is.
create table mode_changes (
  decision_id text collate "C" primary key,
  at timestamptz not null,
  workload_id text not null,
  mode_before text not null,
  mode_after text not null,
  trace_id text not null
);

create index mode_changes_at on mode_changes (at);

insert into mode_changes (decision_id, at, workload_id, mode_before, mode_after, trace_id)
select decision_id, at, workload_id, mode_before, mode, trace_id
from (
  select decision_id, at, workload_id, mode, trace_id,
    lag(mode) over (partition by workload_id order by decision_id) as mode_before
  from decisions
) as each_decision
where mode_before <> mode;

create index decisions_acts_at on decisions (at) where verdict = 'act';

-- Acts and changes of the mode. Holds are most of what is decided, and would cover every panel.
create view grafana_decisions as
select
  at as time,
  null::timestamptz as time_end,
  workload_id || ' scaled ' || direction || ' from ' || replicas_before || ' to '
    || replicas_after || ' replicas (' || reason || ')'
    || case when log_index is null then ', not known to be committed' else '' end as text,
  array['decision', 'scale_' || direction, reason] as tags,
  workload_id as workload,
  null::text as member,
  trace_id
from decisions
where verdict = 'act'
union all
select
  at,
  null::timestamptz,
  workload_id || ' went from mode ' || mode_before || ' to ' || mode_after,
  array['decision', 'mode', 'mode_' || mode_after],
  workload_id,
  null::text,
  trace_id
from mode_changes;

create view grafana_elections as
select
  started_at as time,
  ended_at as time_end,
  case outcome
    when 'elected' then candidate_id || ' was elected in term ' || term
    else candidate_id || ' was not elected in term ' || term || ' (' || outcome || ')'
  end
    || ' after ' || round(extract(epoch from ended_at - started_at) * 1000) || ' ms; cause: ' || cause
    || case
      when suspected_leader_id is null then ''
      else ', ' || suspected_leader_id || ' was silent for ' || round(coalesce(silent_for_ms, 0)) || ' ms'
    end as text,
  array['election', outcome, cause] as tags,
  null::text as workload,
  candidate_id as member,
  trace_id
from elections;

-- Without those that notify nobody: the watchdog fires all the time.
create view grafana_alerts as
select
  starts_at as time,
  ends_at as time_end,
  name || ': ' || coalesce(annotations ->> 'summary', 'no summary') as text,
  array_remove(array['alert', name, severity, status, component], null) as tags,
  labels ->> 'workload' as workload,
  labels ->> 'member' as member,
  null::text as trace_id
from alerts
where severity in ('critical', 'warning');

-- It cannot log in until it is given a password. Who may not create roles goes on without it: the
-- record of decisions does not depend on a panel. Roles are the server's, so that it may be there.
do $$
begin
  create role grafana_reader nologin;
exception
  when duplicate_object or unique_violation or insufficient_privilege then null;
end
$$;

do $$
begin
  if exists (select from pg_roles where rolname = 'grafana_reader') then
    grant select on grafana_decisions, grafana_elections, grafana_alerts to grafana_reader;
  end if;
end
$$;

-- Down Migration

drop view grafana_alerts;
drop view grafana_elections;
drop view grafana_decisions;
drop index decisions_acts_at;
drop table mode_changes;
drop table elections;
