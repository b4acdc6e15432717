import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { otlpService } from '@throughline/wire';
import { type IngestMetrics } from '../../admin/metrics.ts';
import { IngestError } from '../../errors.ts';
import { type Pipeline } from '../../Pipeline.ts';
import { parseOtlpJson } from './otlpJson.ts';
import { type OtlpResource, otlpRows, resourceOf } from './otlpRows.ts';

export interface OtlpReceiverOptions {
  readonly pipeline: Pipeline;
  readonly metrics: IngestMetrics;
  readonly tenant: string;
  readonly environment: string;
  /** How long spans of a process wait for the agent's report of it, where its host has an agent, ms. */
  readonly reportWaitMs?: number;
}

export type Transport = 'http' | 'grpc';
export type Encoding = 'protobuf' | 'json';

/** What HTTP and gRPC share: from a body to stored rows and OTLP's answer. */
export class OtlpReceiver {
  private readonly options: OtlpReceiverOptions;
  private readonly waitedFor = new Set<string>();

  constructor(options: OtlpReceiverOptions) {
    this.options = options;
  }

  /** @throws IngestError BAD_PAYLOAD, or what the writer says */
  async receive(
    body: Buffer,
    encoding: Encoding,
    transport: Transport
  ): Promise<otlpService.ExportTraceServiceResponse> {
    const { pipeline, metrics, tenant, environment } = this.options;
    const labels = { receiver: 'otlp', transport };
    let request: otlpService.ExportTraceServiceRequest;
    try {
      request =
        encoding === 'json' ? parseOtlpJson(body.toString('utf8')) : otlpService.ExportTraceServiceRequest.decode(body);
    } catch (cause) {
      metrics.badPayloads.inc(labels);
      throw new IngestError('INGEST_BAD_PAYLOAD', `the body is no ExportTraceServiceRequest: ${String(cause)}`, {
        cause,
      });
    }
    for (const { resource } of request.resourceSpans) await this.awaitReport(resourceOf(resource?.attributes ?? []));
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    const { batches, rejected } = otlpRows(request.resourceSpans, nowNs, ({ hostName, pid }) =>
      pid > 0 ? (pipeline.directory.process(hostName, pid)?.id ?? 0n) : 0n
    );
    // A sender that got no answer repeats the same bytes.
    const token = createHash('sha256').update(body).digest('hex');
    let accepted = 0;
    for (const [index, { resource, reader }] of batches.entries()) {
      const entity = pipeline.directory.process(resource.hostName, resource.pid);
      const hostId = entity?.hostId ?? resource.hostId;
      const origin = { tenant, environment, hostId, agentId: '' };
      const entityId = entity?.id ?? (reader.rows > 0 ? reader.u64('entityId')[0]! : 0n);
      const renamed = this.nameEntity(entityId, resource, hostId);
      try {
        if (renamed) await pipeline.storeEntities([renamed], origin, `${token}:${index}`);
        await pipeline.storeSpans(reader, origin, `${token}:${index}`, body.length);
      } catch (error) {
        metrics.refused.inc({ ...labels, reason: error instanceof IngestError ? error.code : 'internal' }, reader.rows);
        throw error;
      }
      accepted += reader.rows;
    }
    metrics.accepted.inc(labels, accepted);
    let rejectedSpans = 0;
    for (const [reason, count] of rejected) {
      metrics.refused.inc({ ...labels, reason }, count);
      rejectedSpans += count;
    }
    if (rejectedSpans === 0) return { partialSuccess: undefined };
    const reasons = [...rejected].map(([reason, count]) => `${count} spans: ${reason}`).join('; ');
    return { partialSuccess: { rejectedSpans: BigInt(rejectedSpans), errorMessage: reasons } };
  }

  private nameEntity(
    entityId: bigint,
    resource: OtlpResource,
    hostId: string
  ): ReturnType<Pipeline['directory']['nameBySdk']> {
    const { directory } = this.options.pipeline;
    if (entityId === 0n || resource.serviceName.startsWith('unknown_service')) return undefined;
    if (directory.get(entityId)) return directory.nameBySdk(entityId, resource.serviceName);
    return directory.report({
      id: entityId,
      kind: 'process',
      name: resource.serviceName,
      nameSource: 'sdk',
      hostId,
      hostName: `sdk:${resource.hostName}`,
      pid: resource.pid,
      validFromNs: 0n,
      validToNs: 0n,
      attributes: new Map([['process.pid', String(resource.pid)]]),
    });
  }

  /** A process that its agent is about to report must not appear as two; waited for once per process. */
  private async awaitReport({ hostName, pid }: OtlpResource): Promise<void> {
    const { directory } = this.options.pipeline;
    const key = `${hostName}/${pid}`;
    if (pid === 0 || this.waitedFor.has(key) || !directory.hasHost(hostName)) return;
    const until = Date.now() + (this.options.reportWaitMs ?? 3_000);
    while (!directory.process(hostName, pid) && Date.now() < until) await delay(50);
    if (this.waitedFor.size > 10_000) this.waitedFor.clear();
    this.waitedFor.add(key);
  }
}
