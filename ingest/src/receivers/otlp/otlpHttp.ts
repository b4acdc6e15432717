import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { RpcStatus, otlpService } from '@throughline/wire';
import { IngestError } from '../../errors.ts';
import { assertBearerToken } from '../bearerToken.ts';
import { type Encoding, type OtlpReceiver } from './OtlpReceiver.ts';

const TYPES: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' };

/** The gRPC code of the same meaning: INVALID_ARGUMENT, UNAUTHENTICATED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 429: 8, 500: 13, 503: 14 };

const DECOMPRESS = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
} as const;

/** OTLP/HTTP: `POST /v1/traces`, protobuf and JSON. Failures are a google.rpc.Status in the request's encoding. */
export async function otlpHttp(
  server: FastifyInstance,
  { receiver, token, maxBodyBytes }: { receiver: OtlpReceiver; token: string; maxBodyBytes: number }
): Promise<void> {
  server.removeAllContentTypeParsers();
  for (const type of Object.values(TYPES)) {
    server.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, body, done) =>
      done(null, body)
    );
  }
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error instanceof IngestError ? error.httpStatus : (error.statusCode ?? 500);
    if (error instanceof IngestError && error.retryable) void reply.header('retry-after', '1');
    const code = RPC_CODES[status] ?? (status < 500 ? RPC_CODES[400] : RPC_CODES[500]);
    return answer(reply.code(status), encodingOf(request), { code, message: error.message }, RpcStatus);
  });
  server.addHook('onRequest', async (request) => {
    assertBearerToken(request.headers.authorization, token);
    receiver.assertRoom();
  });
  server.post('/v1/traces', async (request, reply) => {
    const encoding = encodingOf(request);
    const compressed = request.body as Buffer;
    const contentEncoding = request.headers['content-encoding'];
    const response = await receiver.receive(
      () => decompress(compressed, contentEncoding, maxBodyBytes),
      encoding,
      'http'
    );
    return answer(reply, encoding, response, otlpService.ExportTraceServiceResponse);
  });
}

function encodingOf(request: FastifyRequest): Encoding {
  return (request.headers['content-type'] ?? '').startsWith(TYPES.json) ? 'json' : 'protobuf';
}

function decompress(body: Buffer, encoding: string | undefined, limit: number): Buffer {
  if (encoding === undefined || encoding === 'identity') return body;
  const read = DECOMPRESS[encoding as keyof typeof DECOMPRESS];
  if (read === undefined) {
    throw new IngestError(
      'INGEST_BAD_PAYLOAD',
      `Content-Encoding ${encoding}: use identity, ${Object.keys(DECOMPRESS).join(', ')}`
    );
  }
  try {
    return read(body, { maxOutputLength: limit });
  } catch (cause) {
    throw new IngestError('INGEST_BAD_PAYLOAD', `the body is no ${encoding} of at most ${limit} bytes`, { cause });
  }
}

function answer<Message>(
  reply: FastifyReply,
  encoding: Encoding,
  message: Message,
  type: { encode(message: Message): { finish(): Uint8Array } }
): FastifyReply {
  void reply.header('content-type', TYPES[encoding]);
  if (encoding === 'protobuf') return reply.send(Buffer.from(type.encode(message).finish()));
  return reply.send(
    JSON.stringify(message, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  );
}
