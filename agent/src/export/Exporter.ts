import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { PROTOCOL_VERSIONS, agent } from '@throughline/wire';

const compress = promisify(zstdCompress);

export interface ExporterOptions {
  /** http://host:port, https://host:port or unix:/path/to/socket. */
  readonly url: string;
  readonly token: string;
  readonly ca?: string | undefined;
  readonly agentId: string;
  readonly agentVersion: string;
  /** Bytes of batches that may wait; the oldest are dropped beyond it. */
  readonly queueBytes: number;
  /** Batches under way at once. @default 4 */
  readonly parallel?: number;
  readonly onProblem?: (message: string) => void;
}

interface Queued {
  readonly body: Buffer;
  readonly rows: number;
  attempts: number;
}

const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Sends encoded batches to ingest and keeps them until they are acknowledged, within a bound: ingest stores before it
 * acknowledges, so what is lost here is counted here, and a repeat is dropped by its batch number.
 */
export class Exporter {
  private readonly options: ExporterOptions;
  private readonly queue: Queued[] = [];
  private queuedBytes = 0;
  private underWay = 0;
  private isAgreed = false;
  private isClosed = false;
  private pausedUntilMs = 0;
  private pauseMs = MIN_RETRY_MS;
  private timer: NodeJS.Timeout | undefined;
  private readonly idle: (() => void)[] = [];
  private readonly agent: http.Agent;
  readonly counts = { rows: 0, acknowledgedRows: 0, rejectedRows: 0 };
  readonly drops: Record<string, number> = { export_queue_full: 0, export_refused: 0, export_closed: 0 };

  constructor(options: ExporterOptions) {
    this.options = options;
    const settings = { keepAlive: true, maxSockets: options.parallel ?? 4 };
    this.agent = options.url.startsWith('https:')
      ? new https.Agent({ ...settings, ca: options.ca })
      : new http.Agent(settings);
  }

  /** Ports of connections to ingest on this side are found by this: the agent leaves its own traffic out. */
  get ingestPort(): number | undefined {
    if (this.options.url.startsWith('unix:')) return undefined;
    const { port, protocol } = new URL(this.options.url);
    return Number(port) || (protocol === 'https:' ? 443 : 80);
  }

  sizes(): Record<string, number> {
    return { export_queue_batches: this.queue.length + this.underWay, export_queue_bytes: this.queuedBytes };
  }

  async push(batch: agent.Batch): Promise<void> {
    const body = await compress(agent.Batch.encode(batch).finish());
    this.counts.rows += batch.rows;
    const queued = { body, rows: batch.rows, attempts: 0 };
    this.queuedBytes += body.length;
    if (this.isClosed) {
      this.drop(queued, 'export_closed');
      return;
    }
    this.queue.push(queued);
    while (this.queuedBytes > this.options.queueBytes && this.queue.length > 1) {
      this.drop(this.queue.shift()!, 'export_queue_full');
    }
    this.pump();
  }

  private drop(queued: Queued, reason: string): void {
    this.queuedBytes -= queued.body.length;
    this.drops[reason]! += queued.rows;
  }

  /** Waits until all is acknowledged, at most `timeoutMs`; what is left is dropped and counted. */
  async close(timeoutMs: number): Promise<void> {
    if (this.queue.length + this.underWay > 0) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => this.idle.push(resolve)),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, timeoutMs);
        }),
      ]);
      clearTimeout(timer);
    }
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const queued of this.queue.splice(0)) this.drop(queued, 'export_closed');
    // Ends what is under way; each of those is dropped and counted as it fails.
    this.agent.destroy();
    while (this.underWay > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private pump(): void {
    if (this.isClosed) return;
    const waitMs = this.pausedUntilMs - Date.now();
    if (waitMs > 0) {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.pump();
      }, waitMs);
      return;
    }
    const parallel = this.isAgreed ? (this.options.parallel ?? 4) : 1;
    while (this.underWay < parallel && this.queue.length > 0) {
      const next = this.queue.shift()!;
      this.underWay++;
      void this.send(next).finally(() => {
        this.underWay--;
        if (this.queue.length + this.underWay === 0) for (const resolve of this.idle.splice(0)) resolve();
        this.pump();
      });
    }
  }

  private async send(queued: Queued): Promise<void> {
    try {
      if (!this.isAgreed) await this.agree();
      const { status, body } = await this.post('/v1/agent/batches', queued.body, 'zstd');
      if (status === 200) {
        const reply = agent.BatchReply.decode(body);
        this.counts.acknowledgedRows += reply.acceptedRows;
        this.counts.rejectedRows += reply.rejectedRows;
        this.queuedBytes -= queued.body.length;
        this.pauseMs = MIN_RETRY_MS;
        return;
      }
      const message = body.toString('utf8').trim();
      if (status === 429 || status === 503 || status === 401) throw new Error(message);
      this.drop(queued, 'export_refused');
      this.options.onProblem?.(`ingest refused a batch of ${queued.rows} rows: ${message}`);
    } catch (error) {
      this.retryLater(queued, error);
    }
  }

  private retryLater(queued: Queued, error: unknown): void {
    if (this.isClosed) {
      this.drop(queued, 'export_closed');
      return;
    }
    queued.attempts++;
    // Back in its place: order is kept as far as parallel sending keeps it.
    this.queue.unshift(queued);
    if (Date.now() >= this.pausedUntilMs) {
      this.pausedUntilMs = Date.now() + this.pauseMs;
      this.pauseMs = Math.min(MAX_RETRY_MS, this.pauseMs * 2);
      const reason = error instanceof Error ? error.message : String(error);
      if (queued.attempts === 3)
        this.options.onProblem?.(`ingest at ${this.options.url} takes no batches: ${reason}; trying on`);
    }
  }

  private async agree(): Promise<void> {
    const hello = agent.Hello.encode({
      versions: [...PROTOCOL_VERSIONS],
      agentId: this.options.agentId,
      agentVersion: this.options.agentVersion,
    }).finish();
    const { status, body } = await this.post('/v1/agent/hello', Buffer.from(hello), undefined);
    if (status !== 200) throw new Error(`hello was answered with ${status}: ${body.toString('utf8').trim()}`);
    const reply = agent.HelloReply.decode(body);
    if (reply.version === 0) throw new Error(reply.message);
    this.isAgreed = true;
  }

  private post(path: string, body: Buffer, encoding: string | undefined): Promise<{ status: number; body: Buffer }> {
    if (this.isClosed) return Promise.reject(new Error('the exporter is closed'));
    const { url, token } = this.options;
    const headers: Record<string, string | number> = {
      'content-type': 'application/x-protobuf',
      'content-length': body.length,
      ...(encoding !== undefined && { 'content-encoding': encoding }),
      ...(token !== '' && { authorization: `Bearer ${token}` }),
    };
    const where = url.startsWith('unix:') ? { socketPath: url.slice('unix:'.length), path } : new URL(path, url);
    const request = url.startsWith('https:') ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', headers, agent: this.agent, timeout: REQUEST_TIMEOUT_MS };
      const outgoing = where instanceof URL ? request(where, options) : request({ ...where, ...options });
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.on('error', reject);
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}
