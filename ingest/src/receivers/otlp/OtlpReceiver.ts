import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { otlpService } from '@throughline/wire';
import { type IngestMetrics } from '../../admin/metrics.ts';
import { type EntityDirectory, type KnownEntity } from '../../enrich/EntityDirectory.ts';
import { type Origin } from '../../enrich/enrichSpans.ts';
import { IngestError } from '../../errors.ts';
import { type Pipeline } from '../../Pipeline.ts';
import { parseOtlpJson } from './otlpJson.ts';
import { type OtlpProcess, type OtlpResource, type OtlpRows, otlpRows, resourceOf, sdkEntityId } from './otlpRows.ts';

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

const MAX_WAITED_FOR = 10_000;
/** Below what SDKs wait for an answer, 10 s. */
const FIRST_REPORT_WAIT_MS = 8_000;

/** What HTTP and gRPC share: from a body to stored rows and OTLP's answer. */
export class OtlpReceiver {
  private readonly pipeline: Pipeline;
  private readonly metrics: IngestMetrics;
  private readonly origin: Origin;
  private readonly directory: EntityDirectory;
  private readonly reportWaitMs: number;
  private readonly waitedFor = new Set<string>();

  constructor({ pipeline, metrics, tenant, environment, reportWaitMs = 3_000 }: OtlpReceiverOptions) {
    this.pipeline = pipeline;
    this.metrics = metrics;
    this.origin = { tenant, environment, agentId: '' };
    this.directory = pipeline.directory(this.origin);
    this.reportWaitMs = reportWaitMs;
  }

  /** @throws IngestError OVERLOADED; asked before a body is read */
  assertRoom(): void {
    this.pipeline.assertRoom();
  }

  /**
   * @param readBody the body, decompressed; may throw
   * @throws IngestError BAD_PAYLOAD, or what the writer says
   */
  async receive(
    readBody: () => Buffer,
    encoding: Encoding,
    transport: Transport
  ): Promise<otlpService.ExportTraceServiceResponse> {
    const { pipeline, metrics, origin } = this;
    const labels = { receiver: 'otlp', transport };
    const renamed = new Map<bigint, KnownEntity>();
    const { reader, hostId, rejected, token } = await this.read(readBody, encoding, renamed).catch((cause: unknown) => {
      metrics.badPayloads.inc(labels);
      if (cause instanceof IngestError) throw cause;
      throw new IngestError('INGEST_BAD_PAYLOAD', `the body is no ExportTraceServiceRequest: ${String(cause)}`, {
        cause,
      });
    });
    try {
      await pipeline.storeEntities([...renamed.values()], origin, token);
      await pipeline.storeSpans(reader, origin, hostId, token);
    } catch (error) {
      // So that the repeat stores them.
      for (const id of renamed.keys()) this.directory.forgetSdkName(id);
      metrics.refused.inc({ ...labels, reason: error instanceof IngestError ? error.code : 'internal' }, reader.rows);
      throw error;
    }
    metrics.accepted.inc(labels, reader.rows);
    let rejectedSpans = 0;
    for (const [reason, count] of rejected) {
      metrics.refused.inc({ ...labels, reason }, count);
      rejectedSpans += count;
    }
    if (rejectedSpans === 0) return { partialSuccess: undefined };
    const reasons = [...rejected].map(([reason, count]) => `${count} spans: ${reason}`).join('; ');
    return { partialSuccess: { rejectedSpans: BigInt(rejectedSpans), errorMessage: reasons } };
  }

  /** @param renamed gets the processes that the body names anew */
  private async read(
    readBody: () => Buffer,
    encoding: Encoding,
    renamed: Map<bigint, KnownEntity>
  ): Promise<OtlpRows & { readonly token: string }> {
    const body = readBody();
    // A sender that got no answer repeats the same bytes.
    const token = createHash('sha256').update(body).digest('hex');
    const { resourceSpans } =
      encoding === 'json' ? parseOtlpJson(body.toString('utf8')) : otlpService.ExportTraceServiceRequest.decode(body);
    await this.awaitReports(resourceSpans.map(({ resource }) => resourceOf(resource?.attributes ?? [])));
    const rows = otlpRows(resourceSpans, BigInt(Date.now()) * 1_000_000n, (resource) => {
      const process = this.processOf(resource);
      const entity = this.nameProcess(process, resource);
      if (entity) renamed.set(entity.id, entity);
      return process;
    });
    return { ...rows, token };
  }

  private processOf(resource: OtlpResource): OtlpProcess {
    const known = resource.pid > 0 ? this.directory.process(resource.hostName, resource.pid) : undefined;
    return { entityId: known?.id ?? sdkEntityId(resource), hostId: known?.hostId ?? resource.hostId };
  }

  /** @returns the process where its name is new, so that it is stored */
  private nameProcess(
    { entityId, hostId }: OtlpProcess,
    { serviceName, hostName, pid }: OtlpResource
  ): KnownEntity | undefined {
    if (serviceName.startsWith('unknown_service')) return undefined;
    if (this.directory.get(entityId)) return this.directory.nameBySdk(entityId, serviceName);
    return this.directory.report({
      id: entityId,
      kind: 'process',
      name: serviceName,
      nameSource: 'sdk',
      hostId,
      // Not a host that an agent reports: spans of other processes there need not wait for one.
      hostName: `sdk:${hostName}`,
      pid,
      validFromNs: 0n,
      validToNs: 0n,
      attributes: new Map([['process.pid', String(pid)]]),
    });
  }

  /** A process that its agent is about to report must not appear as two; waited for once per process. */
  private async awaitReports(resources: readonly OtlpResource[]): Promise<void> {
    const isMissing = ({ hostName, pid }: OtlpResource): boolean => !this.directory.process(hostName, pid);
    const awaited = resources.filter(
      (resource) =>
        resource.pid > 0 &&
        !this.waitedFor.has(processKey(resource)) &&
        (this.directory.hasHost(resource.hostName) || this.directory.isNew()) &&
        isMissing(resource)
    );
    const startMs = performance.now();
    // The host's agent may start at this moment: its first report takes longer than those of its new processes.
    const waitMs = (): number =>
      awaited.some(({ hostName }) => !this.directory.hasHost(hostName)) ? FIRST_REPORT_WAIT_MS : this.reportWaitMs;
    while (awaited.some(isMissing) && performance.now() - startMs < waitMs()) await delay(50);
    for (const resource of awaited) {
      if (this.waitedFor.size >= MAX_WAITED_FOR) this.waitedFor.clear();
      this.waitedFor.add(processKey(resource));
    }
  }
}

function processKey({ hostName, pid }: OtlpResource): string {
  return `${hostName}/${pid}`;
}
