import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { agent } from '@throughline/wire';
import { type CaptureInput, type CaptureMessage } from './captureWorker.ts';
import { bootId, readConfig } from './config.ts';
import { Exporter } from './export/Exporter.ts';
import { serveMetrics } from './metrics.ts';
import { type PipelineStatus } from './Pipeline.ts';

const VERSION = '0.1.0';
const CLOSE_TIMEOUT_MS = 3_000;

function log(level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown> = {}): void {
  process.stderr.write(
    JSON.stringify({ level, time: new Date().toISOString(), name: 'agent', msg: message, ...fields }) + '\n'
  );
}

/** The machine's id is confidential (machine-id(5)): a hash of it identifies the host as well. */
function machineId(): string {
  try {
    const id = readFileSync('/etc/machine-id', 'utf8').trim();
    return createHash('sha256').update(`throughline/${id}`).digest('hex').slice(0, 32);
  } catch {
    return '';
  }
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const hostId = config.hostId ?? (machineId() || config.hostName);
  const agentId = `${hostId}/${process.pid}-${Date.now().toString(36)}`;
  const exporter = new Exporter({
    url: config.ingestUrl,
    token: config.ingestToken,
    ca: config.ingestCa === undefined ? undefined : readFileSync(config.ingestCa, 'utf8'),
    agentId,
    agentVersion: VERSION,
    queueBytes: config.queueBytes,
    onProblem: (message) => log('warn', message),
  });
  const port = exporter.ingestPort;
  const input: CaptureInput = {
    config,
    host: { hostId, hostName: config.hostName, bootId: bootId() },
    agentId,
    excludePorts: port === undefined ? [] : [port],
  };
  let rung = 'starting';
  let status: PipelineStatus = { events: {}, drops: {}, links: {}, gauges: {} };
  const worker = new Worker(new URL('captureWorker.ts', import.meta.url), { workerData: input, name: 'capture' });

  let onClosed: () => void = () => {};
  const closed = new Promise<void>((resolve) => (onClosed = resolve));
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: CaptureMessage) => {
      switch (message.kind) {
        case 'ready':
          rung = message.rung;
          log('info', 'capturing', { rung, report: message.report });
          resolve();
          return;
        case 'failed':
          reject(new Error(message.message));
          return;
        case 'batch':
          exporter
            .push(fromWorker(message.batch))
            .catch((error: unknown) => log('error', 'a batch could not be encoded', { error: String(error) }));
          return;
        case 'status':
          ({ status } = message);
          return;
        case 'closed':
          onClosed();
      }
    });
    worker.on('error', (error) => {
      log('error', 'the capture thread failed', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      process.exit(1);
    });
  });
  const metrics = await serveMetrics(config.metricsHost, config.metricsPort, () => ({
    rung,
    events: status.events,
    drops: { ...status.drops, ...exporter.drops },
    links: status.links,
    exported: exporter.counts,
    gauges: { ...status.gauges, ...exporter.sizes() },
  }));
  log('info', 'ready', { metricsPort: metrics.port, hostId });

  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    worker.postMessage('close');
    await closed;
    await exporter.close(CLOSE_TIMEOUT_MS);
    await metrics.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

/** Buffers arrive from another thread as plain Uint8Arrays. */
function fromWorker(batch: agent.Batch): agent.Batch {
  return agent.Batch.fromPartial({
    ...batch,
    columns: batch.columns.map((column) => ({ ...column, data: Buffer.from(column.data) })),
    entities: batch.entities.map((entity) => ({ ...entity, address: Buffer.from(entity.address) })),
    names: batch.names.map((mapping) => ({ ...mapping, address: Buffer.from(mapping.address) })),
  });
}

main().catch((error: unknown) => {
  log('error', error instanceof Error ? error.message : String(error));
  process.exit(1);
});
