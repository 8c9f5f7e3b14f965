/** Where the list of scrape targets goes beside http_sd, for the time when the plane is away. */

/** One element of the http_sd and file_sd formats. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface TargetPublisher {
  /** Replaces the published list of one kind at once (written aside and renamed). */
  publish(kind: 'agents' | 'replicas', groups: readonly TargetGroup[]): Promise<void>;
}

export class TargetPublisherError extends Error {
  override readonly name = 'TargetPublisherError';
}
