/** Messages as Alertmanager sends them to a webhook, for tests to send as they are or with one thing wrong. */

export function alertmanagerMessage(overrides: object = {}, alerts: readonly object[] = [{}]) {
  return {
    version: '4',
    groupKey: '{}/{severity="critical"}:{alertname="OmniMindGpuLost"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'control-plane',
    groupLabels: { alertname: 'OmniMindGpuLost' },
    commonLabels: { alertname: 'OmniMindGpuLost', severity: 'critical' },
    commonAnnotations: {},
    externalURL: 'http://alertmanager:9093',
    alerts: alerts.map(toldAlert),
    ...overrides,
  };
}

export function toldAlert(overrides: object = {}) {
  return {
    status: 'firing',
    labels: { alertname: 'OmniMindGpuLost', severity: 'critical', node: 'gpu-host-7' },
    annotations: { summary: 'A GPU has gone' },
    startsAt: '2026-11-21T10:00:00.123456789Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus:9090/graph?g0.expr=up',
    fingerprint: 'a1b2c3d4e5f60718',
    ...overrides,
  };
}
