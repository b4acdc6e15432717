import { type ArrowStreamOptions } from './arrowStream.ts';
import { type Frame } from './frame.ts';
import { type PluginContext } from './gen/pluginv2.ts';

/** What a datasource implements; `serve` brings it to Grafana. */
export interface DataSourcePlugin {
  /** One query of a request. Rejects with QueryError; the request's other queries are answered all the same. */
  queryData(query: DataQuery, call: CallContext): Promise<QueryAnswer>;
  checkHealth(call: CallContext): Promise<HealthAnswer>;
  callResource(request: ResourceRequest, call: CallContext): Promise<ResourceAnswer>;
  /** Prometheus text format. */
  collectMetrics(): string;
  /** Grafana asked to stop, or is gone. */
  close(): Promise<void>;
}

export interface DataQuery {
  readonly refId: string;
  readonly queryType: string;
  /** The query model as the editor, a dashboard or an alert rule saved it: text of unknown JSON. */
  readonly json: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly intervalMs: number;
  readonly maxDataPoints: number;
}

export type FrameFormat = 'arrow' | 'json';

export interface CallContext {
  readonly plugin: PluginContext;
  /** Aborted when Grafana cancels the call. */
  readonly signal: AbortSignal;
  /** What the answer will be encoded as. */
  readonly format: FrameFormat;
  /** HTTP headers that Grafana forwards, and its own X-… ones. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A frame that ClickHouse has encoded already. For format json its batches must be uncompressed. */
export interface ArrowStreamFrame {
  readonly arrowStream: Uint8Array;
  readonly options: ArrowStreamOptions;
}

/** Bytes of a frame in the format of the call, refId included: made elsewhere, such as in a worker thread. */
export interface EncodedFrame {
  readonly encoded: Uint8Array;
}

export type AnswerFrame = Frame | ArrowStreamFrame | EncodedFrame;

export interface QueryAnswer {
  readonly frames: readonly AnswerFrame[];
}

export interface HealthAnswer {
  readonly ok: boolean;
  readonly message: string;
  /** Shown on demand under the message. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface ResourceRequest {
  readonly method: string;
  /** Path below /resources/, without a leading slash and without the query string. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
}

export interface ResourceAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}
