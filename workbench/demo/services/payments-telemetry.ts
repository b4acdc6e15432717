// The OpenTelemetry SDK as a user would set it up. Payments is the one service of the shop that has it.
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { hostname } from 'node:os';

/** Returns a function that sends what is still queued. Without an address nothing is exported; ids still travel. */
export function startTelemetry(tracesUrl: string | undefined): () => Promise<void> {
  // The exporter's own requests are suppressed by the SDK and make no spans.
  const spanProcessors =
    tracesUrl === undefined
      ? []
      : [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: tracesUrl }), scheduledDelayMillis: 500 })];
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'payments',
      'service.version': '1.4.0',
      'process.pid': process.pid,
      'host.name': process.env['SHOP_HOST_NAME'] ?? hostname(),
    }),
    spanProcessors,
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
  return () => provider.shutdown();
}
