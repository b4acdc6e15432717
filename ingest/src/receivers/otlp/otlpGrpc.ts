import * as grpc from '@grpc/grpc-js';
import { otlpService } from '@throughline/wire';
import { IngestError } from '../../errors.ts';
import { assertBearerToken } from '../bearerToken.ts';
import { type OtlpReceiver } from './OtlpReceiver.ts';

const CODES: Readonly<Record<IngestError['code'], grpc.status>> = {
  INGEST_BAD_PAYLOAD: grpc.status.INVALID_ARGUMENT,
  INGEST_UNAUTHENTICATED: grpc.status.UNAUTHENTICATED,
  INGEST_OVERLOADED: grpc.status.RESOURCE_EXHAUSTED,
  INGEST_STORE_UNAVAILABLE: grpc.status.UNAVAILABLE,
  INGEST_STORE_REFUSED: grpc.status.INTERNAL,
};

export interface OtlpGrpcOptions {
  readonly receiver: OtlpReceiver;
  readonly host: string;
  readonly port: number;
  /** Empty: none is asked for. */
  readonly token: string;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly maxBodyBytes: number;
}

/** OTLP/gRPC. Bodies are decoded in the handler, so that a bad one is answered and counted, and the connection survives. */
export async function otlpGrpc({
  receiver,
  host,
  port,
  token,
  tls,
  maxBodyBytes,
}: OtlpGrpcOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': maxBodyBytes,
    'grpc.max_send_message_length': -1,
  });
  const { path } = otlpService.TraceServiceService.export;
  server.addService(
    {
      export: {
        path,
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes: Buffer) => bytes,
        requestSerialize: (bytes: Buffer) => bytes,
        responseSerialize: (message: otlpService.ExportTraceServiceResponse) =>
          Buffer.from(otlpService.ExportTraceServiceResponse.encode(message).finish()),
        responseDeserialize: (bytes: Buffer) => otlpService.ExportTraceServiceResponse.decode(bytes),
      },
    },
    {
      export: (
        call: grpc.ServerUnaryCall<Buffer, otlpService.ExportTraceServiceResponse>,
        callback: grpc.sendUnaryData<otlpService.ExportTraceServiceResponse>
      ) => {
        const receive = async (): Promise<otlpService.ExportTraceServiceResponse> => {
          assertBearerToken(call.metadata.get('authorization')[0]?.toString(), token);
          receiver.assertRoom();
          return receiver.receive(() => call.request, 'protobuf', 'grpc');
        };
        receive().then(
          (response) => callback(null, response),
          (error: unknown) => {
            const code = error instanceof IngestError ? CODES[error.code] : grpc.status.INTERNAL;
            callback({ code, details: error instanceof Error ? error.message : String(error) });
          }
        );
      },
    }
  );
  const credentials = tls
    ? grpc.ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.cert }])
    : grpc.ServerCredentials.createInsecure();
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (cause, at) =>
      cause
        ? reject(
            new Error(
              `INGEST_PORT_TAKEN: ${host}:${port} for OTLP over gRPC: ${cause.message}; choose another with THROUGHLINE_OTLP_GRPC_PORT`,
              { cause }
            )
          )
        : resolve(at)
    );
  });
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.forceShutdown(), 2_000);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      }),
  };
}
