export * from './errors.ts';
export * from './spanColumns.ts';
export * from './SpanBatchBuilder.ts';
export * from './SpanBatchReader.ts';
export * as agent from './gen/throughline/agent/v1/agent.ts';
export * as otlpTrace from './gen/opentelemetry/proto/trace/v1/trace.ts';
export * as otlpCommon from './gen/opentelemetry/proto/common/v1/common.ts';
export * as otlpService from './gen/opentelemetry/proto/collector/trace/v1/trace_service.ts';
export { Status as RpcStatus } from './gen/google/rpc/status.ts';

/** Versions of the agent's protocol that this code speaks, best first. */
export const PROTOCOL_VERSIONS = [1] as const;
