/**
 * Frame contracts: what each query type answers, field by field. The backend builds frames from them, panels read
 * them; core Grafana panels read the same frames by their own rules, which the names and types here follow.
 */

export type FieldType = 'time' | 'string' | 'boolean' | 'json' | 'float64' | 'uint64';

export interface FieldContract {
  readonly type: FieldType;
  readonly nullable?: boolean;
  /** Grafana's FieldConfig: unit, displayName, color … */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly doc: string;
}

export interface FrameContract {
  readonly name: string;
  readonly meta: {
    readonly type?: string;
    readonly typeVersion: readonly [number, number];
    readonly preferredVisualisationType?: string;
    readonly dataTopic?: string;
  };
  readonly fields: Readonly<Record<string, FieldContract>>;
}

interface ValueTypes {
  /** Epoch nanoseconds. */
  time: bigint;
  string: string;
  boolean: boolean;
  json: unknown;
  float64: number;
  uint64: bigint;
}

type FieldValue<F extends FieldContract> = F extends { readonly nullable: true }
  ? ValueTypes[F['type']] | null
  : ValueTypes[F['type']];

/** One row of a contract's frame. */
export type FrameRow<C extends FrameContract> = { readonly [K in keyof C['fields']]: FieldValue<C['fields'][K]> };

/** Units by Grafana's names; durations are nanoseconds. */
const NANOSECONDS = 'ns';
const PER_SECOND = 'reqps';
const SHARE = 'percentunit';

export const METRIC_UNITS = {
  rate: PER_SECOND,
  errorShare: SHARE,
  p50: NANOSECONDS,
  p95: NANOSECONDS,
  p99: NANOSECONDS,
} as const;

const ERROR_COLOR = 'red';
const OK_COLOR = 'green';

/** `red`: one frame per series (dataplane "timeseries-multi"); the value field is named after the metric. */
export const redSeriesFrame = {
  name: 'red',
  meta: { type: 'timeseries-multi', typeVersion: [0, 1], preferredVisualisationType: 'graph' },
  fields: {
    time: { type: 'time', doc: 'Start of the bucket.' },
    value: {
      type: 'float64',
      nullable: true,
      doc: 'Named rate, errorShare, p50, p95 or p99; null where a bucket has no requests and the metric needs one. Labels: service; endpoint; source and target of an edge; side.',
    },
  },
} as const satisfies FrameContract;

/** `red` with exemplars: single spans worth a look, drawn over the series. */
export const exemplarFrame = {
  name: 'exemplar',
  meta: { typeVersion: [0, 0], dataTopic: 'annotations' },
  fields: {
    Time: { type: 'time', doc: 'Start of the bucket the span is an exemplar of.' },
    Value: { type: 'float64', config: { unit: NANOSECONDS }, doc: "The span's duration." },
    spanId: { type: 'string', doc: 'Opens its trace.' },
    traceId: { type: 'string', doc: 'Empty where the wire carried none; spanId opens the trace all the same.' },
    reason: { type: 'string', doc: 'slowest or error.' },
    service: { type: 'string', doc: '' },
    endpoint: { type: 'string', doc: '' },
  },
} as const satisfies FrameContract;

/** `serviceMap`, nodes: one per service name, and one per far end that no agent knows. */
export const mapNodesFrame = {
  name: 'nodes',
  meta: { typeVersion: [0, 0], preferredVisualisationType: 'nodeGraph' },
  fields: {
    id: { type: 'string', doc: 'The name.' },
    title: { type: 'string', config: { displayName: 'Service' }, doc: 'The name.' },
    subtitle: { type: 'string', doc: 'service or external, with the protocols it serves.' },
    mainstat: {
      type: 'float64',
      nullable: true,
      config: { unit: PER_SECOND, displayName: 'Requests' },
      doc: 'Requests per second that arrived, as the service saw them, else as its callers did; null where none did.',
    },
    secondarystat: {
      type: 'float64',
      nullable: true,
      config: { unit: NANOSECONDS, displayName: 'P95' },
      doc: '95th percentile of their durations.',
    },
    arc__ok: {
      type: 'float64',
      config: { color: { mode: 'fixed', fixedColor: OK_COLOR }, displayName: 'Ok' },
      doc: 'Share without an error; 0 together with arc__error where nothing arrived.',
    },
    arc__error: {
      type: 'float64',
      config: { color: { mode: 'fixed', fixedColor: ERROR_COLOR }, displayName: 'Errors' },
      doc: 'Share with an error.',
    },
    icon: { type: 'string', doc: "Grafana's icon name by what the node serves." },
    isInstrumented: { type: 'boolean', doc: 'False for an external node: only its callers or callees are seen.' },
    detail__kind: { type: 'string', config: { displayName: 'Kind' }, doc: 'service or external.' },
    detail__requests: { type: 'uint64', config: { displayName: 'Requests' }, doc: 'In the time range.' },
    detail__errors: { type: 'uint64', config: { displayName: 'Errors' }, doc: 'In the time range.' },
  },
} as const satisfies FrameContract;

const count = (displayName: string) =>
  ({ type: 'uint64', nullable: true, config: { displayName }, doc: 'Null where that side was not seen.' }) as const;
const number = (displayName: string, unit: string) =>
  ({
    type: 'float64',
    nullable: true,
    config: { displayName, unit },
    doc: 'Null where that side was not seen.',
  }) as const;

/** `serviceMap`, edges: who calls whom, as the caller saw it and as the callee did. */
export const mapEdgesFrame = {
  name: 'edges',
  meta: { typeVersion: [0, 0], preferredVisualisationType: 'nodeGraph' },
  fields: {
    id: { type: 'string', doc: 'source → target.' },
    source: { type: 'string', doc: 'Node id of the caller.' },
    target: { type: 'string', doc: 'Node id of the callee.' },
    mainstat: {
      type: 'float64',
      config: { unit: PER_SECOND, displayName: 'Requests' },
      doc: "The client's rate, else the server's.",
    },
    secondarystat: {
      type: 'float64',
      nullable: true,
      config: { unit: NANOSECONDS, displayName: 'P95' },
      doc: "The client's 95th percentile, else the server's.",
    },
    color: { type: 'string', doc: 'Red with any error on either side.' },
    thickness: { type: 'float64', doc: '1 to 5, by the logarithm of the rate.' },
    detail__protocols: { type: 'string', config: { displayName: 'Protocols' }, doc: 'Comma-separated.' },
    detail__evidence: {
      type: 'string',
      config: { displayName: 'Seen by' },
      doc: 'Which sides reported the calls: client and server, client, server.',
    },
    detail__client_requests: count('Client: requests'),
    detail__client_errors: count('Client: errors'),
    detail__client_rate: number('Client: rate', PER_SECOND),
    detail__client_p95: number('Client: P95', NANOSECONDS),
    detail__server_requests: count('Server: requests'),
    detail__server_errors: count('Server: errors'),
    detail__server_rate: number('Server: rate', PER_SECOND),
    detail__server_p95: number('Server: P95', NANOSECONDS),
  },
} as const satisfies FrameContract;

/** `traceSearch`: root requests. */
export const traceListFrame = {
  name: 'traces',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    traceID: {
      type: 'string',
      config: { displayName: 'Trace' },
      doc: 'Opens the trace: the trace id, or the id of its root span where the wire carried none.',
    },
    startTime: { type: 'time', config: { displayName: 'Start' }, doc: '' },
    service: { type: 'string', config: { displayName: 'Service' }, doc: '' },
    name: { type: 'string', config: { displayName: 'Name' }, doc: '' },
    duration: { type: 'float64', config: { displayName: 'Duration', unit: NANOSECONDS }, doc: '' },
    status: { type: 'string', config: { displayName: 'Status' }, doc: 'Ok, Error or Unset.' },
    code: { type: 'float64', config: { displayName: 'Code' }, doc: "The protocol's response code; 0 where none came." },
    failure: { type: 'string', config: { displayName: 'Failure' }, doc: 'timeout, reset_by_server … or empty.' },
    protocol: { type: 'string', config: { displayName: 'Protocol' }, doc: '' },
    caller: { type: 'string', config: { displayName: 'Caller' }, doc: 'Who called: a service, a name or an address.' },
  },
} as const satisfies FrameContract;

/** A tag of a span as Grafana's trace view reads it. */
export interface TraceKeyValue {
  readonly key: string;
  readonly value: unknown;
}

/** A span pointed at without being the parent. */
export interface TraceReference {
  readonly traceID: string;
  readonly spanID: string;
  readonly tags?: readonly TraceKeyValue[];
}

export interface TraceLog {
  readonly timestamp: number;
  readonly name: string;
  readonly fields: readonly TraceKeyValue[];
}

/** `traceId`: one row per span, hop rows included, in the shape of Grafana's trace view. */
export const traceFrame = {
  name: 'trace',
  meta: { typeVersion: [0, 0], preferredVisualisationType: 'trace' },
  fields: {
    traceID: { type: 'string', doc: 'The name of the trace, the same in every row.' },
    spanID: { type: 'string', doc: '' },
    parentSpanID: { type: 'string', nullable: true, doc: 'Null for a root.' },
    operationName: { type: 'string', doc: '' },
    serviceName: { type: 'string', doc: '' },
    serviceTags: { type: 'json', doc: 'TraceKeyValue[].' },
    startTime: { type: 'float64', doc: 'Epoch milliseconds with a fraction.' },
    duration: { type: 'float64', doc: 'Milliseconds with a fraction.' },
    kind: { type: 'string', doc: 'client, server, internal, producer, consumer or unspecified.' },
    statusCode: { type: 'float64', doc: '0 unset, 1 ok, 2 error, as OpenTelemetry numbers them.' },
    statusMessage: { type: 'string', doc: '' },
    tags: { type: 'json', doc: 'TraceKeyValue[]; throughline.link.* says why the parent is the parent.' },
    logs: { type: 'json', doc: 'TraceLog[]: events of the span.' },
    references: { type: 'json', doc: 'TraceReference[]: links, and the parents it could also have had.' },
    warnings: { type: 'json', doc: 'string[]: gaps and doubts.' },
    traceState: { type: 'string', doc: '' },
    instrumentationLibraryName: { type: 'string', doc: '' },
    instrumentationLibraryVersion: { type: 'string', doc: '' },
  },
} as const satisfies FrameContract;

/** `traceId`, node graph: the services of one trace. */
export const traceNodesFrame = {
  name: 'nodes',
  meta: { typeVersion: [0, 0], preferredVisualisationType: 'nodeGraph' },
  fields: {
    id: { type: 'string', doc: 'The service.' },
    title: { type: 'string', doc: 'The service.' },
    subtitle: { type: 'string', doc: 'Its slowest operation.' },
    mainstat: { type: 'float64', config: { displayName: 'Spans' }, doc: 'Spans of the service in this trace.' },
    secondarystat: {
      type: 'float64',
      config: { displayName: 'Self time', unit: NANOSECONDS },
      doc: 'Time in which none of its children ran, summed over its spans.',
    },
    arc__ok: {
      type: 'float64',
      config: { color: { mode: 'fixed', fixedColor: OK_COLOR }, displayName: 'Ok' },
      doc: 'Share of spans without an error.',
    },
    arc__error: {
      type: 'float64',
      config: { color: { mode: 'fixed', fixedColor: ERROR_COLOR }, displayName: 'Errors' },
      doc: 'Share of spans with an error.',
    },
  },
} as const satisfies FrameContract;

export const traceEdgesFrame = {
  name: 'edges',
  meta: { typeVersion: [0, 0], preferredVisualisationType: 'nodeGraph' },
  fields: {
    id: { type: 'string', doc: 'source → target.' },
    source: { type: 'string', doc: '' },
    target: { type: 'string', doc: '' },
    mainstat: { type: 'float64', config: { displayName: 'Calls' }, doc: '' },
    secondarystat: {
      type: 'float64',
      config: { displayName: 'Time', unit: NANOSECONDS },
      doc: 'Sum of the callee spans’ durations.',
    },
  },
} as const satisfies FrameContract;

/** `meta.custom` of the trace frame. */
export interface TraceFrameCustom {
  readonly spans: number;
  readonly roots: number;
  readonly complete: boolean;
  /** What is missing or was cut, and why. */
  readonly gaps: readonly string[];
}
