/** Tracing of this process that ends at a collector in it, as one thing to start and stop. */

import assert from 'node:assert/strict';
import { startTracing } from '../../control-plane/telemetry/tracing.ts';
import type { Tracing } from '../../control-plane/telemetry/tracing.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import type { OtlpReceiver } from './otlp-receiver.ts';

export interface ReceivedTracing {
  readonly receiver: OtlpReceiver;
  readonly tracing: Tracing;
  /** Also where the tracing has been stopped before. */
  stop(): Promise<void>;
}

/** @param onDropped hears of spans that did not arrive; without it, they fail the test */
export async function startReceivedTracing(
  onDropped: (spans: number) => void = (spans) => assert.fail(`${spans} spans dropped`),
): Promise<ReceivedTracing> {
  const receiver = await startOtlpReceiver();
  const tracing = startTracing({
    serviceName: 'test',
    serviceVersion: '0',
    instanceId: 'test',
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
    onDropped,
  });
  return {
    receiver,
    tracing,
    stop: async () => {
      await tracing.stop();
      await receiver.stop();
    },
  };
}
