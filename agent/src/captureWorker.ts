import { parentPort, workerData } from 'node:worker_threads';
import { type agent } from '@throughline/wire';
import { Clock } from './clock.ts';
import { type AgentConfig } from './config.ts';
import { openLadder } from './ladder.ts';
import { Pipeline, type PipelineStatus } from './Pipeline.ts';
import { type HostIdentity } from './resources/ProcessRegistry.ts';

/** The capture thread: drains the kernel's rings by timer, never woken by them, and hands finished batches to the main thread. */

export interface CaptureInput {
  readonly config: AgentConfig;
  readonly host: HostIdentity;
  readonly agentId: string;
  /** Own process and the port of ingest are left out. */
  readonly excludePorts: readonly number[];
}

export type CaptureMessage =
  | { readonly kind: 'ready'; readonly rung: string; readonly report: unknown }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'batch'; readonly batch: agent.Batch }
  | { readonly kind: 'status'; readonly status: PipelineStatus }
  | { readonly kind: 'closed' };

const BUSY_WAIT_MS = 5;
const IDLE_WAIT_MS = 50;
const STATUS_INTERVAL_MS = 1_000;

function run(port: NonNullable<typeof parentPort>, { config, host, agentId, excludePorts }: CaptureInput): void {
  const send = (message: CaptureMessage): void => port.postMessage(message);
  let ladder: ReturnType<typeof openLadder>;
  try {
    ladder = openLadder({
      rung: config.rung,
      packets: config.packets,
      capture: {
        captureBytes: config.captureBytes,
        netns: config.netns,
        excludePids: config.excludePids,
        excludePorts,
      },
    });
  } catch (error) {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    return;
  }
  const pipeline = new Pipeline({
    sources: ladder.sources,
    clock: new Clock(config.shiftClockMs),
    host,
    tenant: config.tenant,
    environment: config.environment,
    agentId,
    netns: config.netns,
    excludePids: config.excludePids,
    join: config.join,
    withholdIds: config.withholdIds,
    packetsOnly: ladder.rung === 'af_packet',
    onBatch: (batch) => send({ kind: 'batch', batch }),
  });
  send({ kind: 'ready', rung: ladder.rung, report: ladder.report });

  let waitMs = BUSY_WAIT_MS;
  let lastStatusMs = 0;
  let timer: NodeJS.Timeout;
  const tick = (): void => {
    const count = pipeline.poll();
    // Backs off while nothing happens: draining costs more than it brings then.
    waitMs = count > 0 ? BUSY_WAIT_MS : Math.min(IDLE_WAIT_MS, waitMs + 5);
    if (performance.now() - lastStatusMs > STATUS_INTERVAL_MS) {
      lastStatusMs = performance.now();
      send({ kind: 'status', status: pipeline.status() });
    }
    timer = setTimeout(tick, waitMs);
  };
  timer = setTimeout(tick, 0);
  port.once('message', () => {
    clearTimeout(timer);
    pipeline.close();
    send({ kind: 'status', status: pipeline.status() });
    send({ kind: 'closed' });
    port.close();
  });
}

if (parentPort) run(parentPort, workerData as CaptureInput);
