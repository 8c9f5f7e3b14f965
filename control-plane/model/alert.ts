/**
 * An alert as Alertmanager tells it, and as the plane keeps it. The plane evaluates no alert and
 * notifies nobody: it remembers what was told, for people and for the dashboards.
 */

export const ALERT_STATUSES = ['firing', 'resolved'] as const;
export type AlertStatus = (typeof ALERT_STATUSES)[number];

/** critical pages, warning is for working hours, info is for the dashboards, none is the watchdog's. */
export const ALERT_SEVERITIES = ['critical', 'warning', 'info', 'none'] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

/** Fires always; when it is not heard of any more, the way from the rules to the receivers is cut. */
export const WATCHDOG_ALERT = 'OmniMindWatchdog';

/** One alert of one message. */
export interface AlertNotice {
  /** Of its labels, by Alertmanager. */
  readonly fingerprint: string;
  readonly status: AlertStatus;
  /** The label `alertname`. */
  readonly name: string;
  /** UNIX ms, not negative. */
  readonly startsAtMs: number;
  /** UNIX ms; null while it fires. */
  readonly endsAtMs: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Where the expression can be seen; empty when nobody said. */
  readonly generatorUrl: string;
  /** UNIX ms by the clock of the member that was told. */
  readonly receivedAtMs: number;
}

/** One time that an alert fired, from all that was told of it. */
export interface AlertRecord extends Omit<AlertNotice, 'receivedAtMs'> {
  readonly alertId: string;
  readonly firstReceivedAtMs: number;
  /** Alertmanager repeats what goes on: a firing alert that is not repeated for long is one it forgot. */
  readonly lastReceivedAtMs: number;
}

/**
 * The id of one time that an alert fired: 12 hexadecimal digits of its start in ms, a dash and the
 * fingerprint. Ids sort by start.
 */
export function alertIdOf(startsAtMs: number, fingerprint: string): string {
  return `${Math.trunc(startsAtMs).toString(16).padStart(12, '0')}-${fingerprint}`;
}

/** The first notice of a time that an alert fired, as a record. */
export function recordOfNotice({ receivedAtMs, ...notice }: AlertNotice): AlertRecord {
  return {
    ...notice,
    alertId: alertIdOf(notice.startsAtMs, notice.fingerprint),
    firstReceivedAtMs: receivedAtMs,
    lastReceivedAtMs: receivedAtMs,
  };
}

/**
 * Both taken together, in whatever order they came: what is resolved stays so (it fires again with a
 * start of its own), and texts are those told last.
 */
export function mergeRecords(known: AlertRecord, told: AlertRecord): AlertRecord {
  const latest = told.lastReceivedAtMs >= known.lastReceivedAtMs ? told : known;
  const ended = [told, known].find(({ status }) => status === 'resolved') ?? latest;
  return {
    ...latest,
    status: ended.status,
    endsAtMs: ended.endsAtMs,
    firstReceivedAtMs: Math.min(known.firstReceivedAtMs, told.firstReceivedAtMs),
    lastReceivedAtMs: Math.max(known.lastReceivedAtMs, told.lastReceivedAtMs),
  };
}
