/** Asks the load generator what its users see: the 95th percentile of the last seconds. */

/** Seconds; null when nobody answers or nothing was measured. Never rejects. */
export async function readP95(loadUrl: string): Promise<number | null> {
  try {
    const response = await fetch(new URL('/status', loadUrl), {
      signal: AbortSignal.timeout(500),
    });
    const status: unknown = await response.json();
    if (typeof status !== 'object' || status === null || !('p95Seconds' in status)) return null;
    return typeof status.p95Seconds === 'number' ? status.p95Seconds : null;
  } catch {
    return null;
  }
}
