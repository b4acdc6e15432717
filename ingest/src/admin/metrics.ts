import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Sent = stored + dropped: `accepted` counts what came in, `stored` what the store has, `dropped` the rest by reason. */
export class IngestMetrics {
  readonly registry = new Registry();
  readonly accepted = this.counter('receiver_accepted_spans_total', 'Spans taken from senders', [
    'receiver',
    'transport',
  ]);
  readonly refused = this.counter('receiver_refused_spans_total', 'Spans refused, by reason; the sender was told', [
    'receiver',
    'transport',
    'reason',
  ]);
  readonly badPayloads = this.counter('receiver_bad_payloads_total', 'Bodies that did not follow their protocol', [
    'receiver',
    'transport',
  ]);
  readonly stored = this.counter('writer_stored_rows_total', 'Rows acknowledged by the store', ['table']);
  readonly dropped = this.counter('writer_dropped_rows_total', 'Rows accepted but not stored, by reason', [
    'table',
    'reason',
  ]);
  readonly retries = this.counter('writer_retries_total', 'Inserts tried again', ['table']);
  readonly agentDrops = new Gauge({
    name: 'throughline_ingest_agent_dropped',
    help: 'What agents said they had seen but not kept, by agent and reason',
    labelNames: ['agent', 'reason'],
    registers: [this.registry],
  });
  readonly queueBytes = new Gauge({
    name: 'throughline_ingest_queue_bytes',
    help: 'Bytes accepted and not yet stored',
    registers: [this.registry],
  });
  readonly insertSeconds = new Histogram({
    name: 'throughline_ingest_writer_insert_seconds',
    help: 'Time of one insert',
    labelNames: ['table'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'throughline_ingest_' });
  }

  private counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `throughline_ingest_${name}`, help, labelNames, registers: [this.registry] });
  }
}
