import { zstdDecompressSync } from 'node:zlib';
import { type FastifyInstance, type FastifyReply } from 'fastify';
import { PROTOCOL_VERSIONS, SpanBatchReader, WireError, agent } from '@throughline/wire';
import { type IngestMetrics } from '../admin/metrics.ts';
import { type EntityDirectory, type KnownEntity } from '../enrich/EntityDirectory.ts';
import { type Origin, localScope } from '../enrich/enrichSpans.ts';
import { IngestError } from '../errors.ts';
import { type Pipeline } from '../Pipeline.ts';
import { assertBearerToken } from './bearerToken.ts';

export interface AgentReceiverOptions {
  readonly pipeline: Pipeline;
  readonly metrics: IngestMetrics;
  /** Empty: none is asked for. */
  readonly token: string;
  readonly tenant: string;
  readonly environment: string;
  readonly maxBodyBytes: number;
}

const PROTOBUF = 'application/x-protobuf';

/** Receives the agent's protocol: hello and batches. A batch is acknowledged when it is stored. */
export async function agentReceiver(server: FastifyInstance, options: AgentReceiverOptions): Promise<void> {
  const { pipeline, metrics, maxBodyBytes } = options;
  const labels = { receiver: 'agent', transport: 'http' };
  server.addContentTypeParser(PROTOBUF, { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, body, done) =>
    done(null, body)
  );
  server.addHook('onRequest', async (request) => {
    assertBearerToken(request.headers.authorization, options.token);
    pipeline.assertRoom();
  });

  server.post('/v1/agent/hello', async (request, reply) => {
    const hello = decode(agent.Hello, request.body as Buffer, request.headers['content-encoding'], maxBodyBytes);
    const version = hello.versions.find((wanted) => (PROTOCOL_VERSIONS as readonly number[]).includes(wanted)) ?? 0;
    return send(
      reply,
      agent.HelloReply.encode({
        version,
        maxBatchBytes: maxBodyBytes,
        message:
          version === 0
            ? `this ingest speaks version ${PROTOCOL_VERSIONS.join(', ')}; update the older of the two`
            : '',
      }).finish()
    );
  });

  server.post('/v1/agent/batches', async (request, reply) => {
    const body = request.body as Buffer;
    const { batch, reader } = readBatch(body, request.headers['content-encoding']);
    const origin: Origin = {
      tenant: batch.tenant || options.tenant,
      environment: batch.environment || options.environment,
      agentId: batch.agentId,
    };
    const hostId = Array<string>(reader.rows).fill(batch.hostId);
    const { tenant, environment, agentId } = origin;
    const token = JSON.stringify([tenant, environment, agentId, batch.bootId, String(batch.batchNumber)]);
    for (const [reason, count] of batch.drops) metrics.agentDrops.set({ agent: batch.agentId, reason }, Number(count));
    const directory = pipeline.directory(origin);
    const entities = reportEntities(batch, directory);
    for (const { address, name } of batch.names) directory.resolveName(address, name);
    for (const { exchangeId, isClient, entityId } of batch.begun) {
      directory.see(exchangeId, isClient ? 'client' : 'server', entityId);
    }
    try {
      await pipeline.storeEntities(entities, origin, token);
      await pipeline.storeChanges(batch, entities, origin, token);
      await pipeline.storeSpans(reader, origin, hostId, token);
    } catch (error) {
      const reason = error instanceof IngestError ? error.code : 'internal';
      metrics.refused.inc({ ...labels, reason }, reader.rows);
      throw error;
    }
    metrics.accepted.inc(labels, reader.rows);
    return send(reply, agent.BatchReply.encode({ acceptedRows: reader.rows, rejectedRows: 0, message: '' }).finish());
  });

  function readBatch(body: Buffer, encoding: string | undefined): { batch: agent.Batch; reader: SpanBatchReader } {
    try {
      const batch = decode(agent.Batch, body, encoding, maxBodyBytes);
      if (!(PROTOCOL_VERSIONS as readonly number[]).includes(batch.protocolVersion)) {
        throw new WireError(
          'WIRE_VERSION',
          `version ${batch.protocolVersion}, this ingest speaks ${PROTOCOL_VERSIONS.join(', ')}`
        );
      }
      return { batch, reader: new SpanBatchReader(batch) };
    } catch (cause) {
      metrics.badPayloads.inc(labels);
      throw cause instanceof IngestError ? cause : new IngestError('INGEST_BAD_PAYLOAD', String(cause), { cause });
    }
  }
}

function reportEntities(batch: agent.Batch, directory: EntityDirectory): KnownEntity[] {
  const known: KnownEntity[] = [];
  for (const entity of batch.entities) {
    if (entity.kind === 'listener') {
      const isLocal = entity.attributes.get('throughline.listener.scope') === 'namespace';
      directory.listen(isLocal ? localScope(batch.hostId, entity.netns) : '', entity.address, entity.port, {
        entityId: entity.ownerId,
        fromNs: entity.validFromNs,
        toNs: entity.validToNs,
      });
      continue;
    }
    known.push(
      directory.report({
        id: entity.id,
        kind: entity.kind,
        name: entity.name,
        nameSource: entity.nameSource,
        hostId: batch.hostId,
        hostName: batch.hostName,
        pid: Number(entity.attributes.get('process.pid') ?? 0),
        validFromNs: entity.validFromNs,
        validToNs: entity.validToNs,
        attributes: entity.attributes,
      })
    );
  }
  return known;
}

interface Decoder<Message> {
  decode(bytes: Uint8Array): Message;
}

function decode<Message>(type: Decoder<Message>, body: Buffer, encoding: string | undefined, limit: number): Message {
  if (!Buffer.isBuffer(body)) throw new IngestError('INGEST_BAD_PAYLOAD', `the body must be ${PROTOBUF}`);
  try {
    if (encoding === undefined || encoding === 'identity') return type.decode(body);
    if (encoding === 'zstd') return type.decode(zstdDecompressSync(body, { maxOutputLength: limit }));
  } catch (cause) {
    throw new IngestError('INGEST_BAD_PAYLOAD', `the body cannot be read: ${String(cause)}`, { cause });
  }
  throw new IngestError('INGEST_BAD_PAYLOAD', `Content-Encoding ${encoding}: this ingest reads identity and zstd`);
}

function send(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  return reply.header('content-type', PROTOBUF).send(Buffer.from(bytes));
}
