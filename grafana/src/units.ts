/**
 * The units that panels may use, by what is measured, as Grafana's unit ids. Refuses units that do
 * not fit the series: those are in base units (seconds, bytes, ratios of 0 to 1), so there is no
 * millisecond, percent of 100 or megabyte here; Grafana scales for the reader.
 */

export const UNITS = {
  /** A plain number. */
  count: 'short',
  /** A whole number that is a name rather than an amount, such as a term or an index. */
  plain: 'none',
  /** 0 to 1, shown in percent. */
  ratio: 'percentunit',
  seconds: 's',
  /** A duration that a person reads, such as an uptime. */
  duration: 'dtdurations',
  /** A UNIX time in milliseconds (series have seconds: multiply by 1000). */
  time: 'dateTimeAsIso',
  /** A UNIX time in milliseconds, as a distance from now. */
  fromNow: 'dateTimeFromNow',
  bytes: 'bytes',
  bytesPerSecond: 'binBps',
  requestsPerSecond: 'reqps',
  perSecond: 'cps',
  operationsPerSecond: 'ops',
  ioPerSecond: 'iops',
  packetsPerSecond: 'pps',
  celsius: 'celsius',
  watts: 'watt',
  joules: 'joule',
  hertz: 'hertz',
  rotations: 'rotrpm',
  /** 1 is yes, 0 is no. */
  yesNo: 'bool_yes_no',
  /** The text itself, as it stands. */
  text: 'string',
} as const;

export type Unit = keyof typeof UNITS;
