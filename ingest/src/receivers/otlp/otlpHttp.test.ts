import { gzipSync } from 'node:zlib';
import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { IngestError } from '../../errors.ts';
import { type OtlpReceiver } from './OtlpReceiver.ts';
import { otlpHttp } from './otlpHttp.ts';

/** What stands behind HTTP, seen from it. */
function behind(over: Partial<Record<'assertRoom' | 'receive', unknown>> = {}): OtlpReceiver {
  const receive = async (readBody: () => Buffer) => (readBody(), { partialSuccess: undefined });
  return { assertRoom: () => undefined, receive, ...over } as unknown as OtlpReceiver;
}

async function post(receiver: OtlpReceiver, headers: Record<string, string>, payload: Buffer | string = '{}') {
  const server = fastify();
  await server.register(otlpHttp, { receiver, token: 'secret', maxBodyBytes: 1 << 16 });
  const common = { 'content-type': 'application/json', authorization: 'Bearer secret' };
  const response = await server.inject({
    method: 'POST',
    url: '/v1/traces',
    headers: { ...common, ...headers },
    payload,
  });
  await server.close();
  return response;
}

describe('OTLP over HTTP', () => {
  it('asks for the token', async () => {
    const response = await post(behind(), { authorization: 'Bearer wrong' });
    expect([response.statusCode, response.json<{ code: number }>().code]).toEqual([401, 16]);
    expect((await post(behind(), {})).statusCode).toBe(200);
  });

  it('tells senders to wait before it reads what they send', async () => {
    const assertRoom = () => {
      throw new IngestError('INGEST_OVERLOADED', 'full');
    };
    const response = await post(behind({ assertRoom }), {});
    expect([response.statusCode, response.headers['retry-after']]).toEqual([429, '1']);
  });

  it('reads gzip, and refuses what is none or grows beyond the limit', async () => {
    const status = async (body: Buffer) => (await post(behind(), { 'content-encoding': 'gzip' }, body)).statusCode;
    expect(await status(gzipSync('{}'))).toBe(200);
    expect(await status(Buffer.from('{}'))).toBe(400);
    expect(await status(gzipSync(Buffer.alloc(1 << 20)))).toBe(400);
  });

  it('refuses a body of another type in a protobuf status', async () => {
    const response = await post(behind(), { 'content-type': 'text/plain' });
    expect([response.statusCode, response.headers['content-type']]).toEqual([415, 'application/x-protobuf']);
  });
});
