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
    spanID: {
      type: 'string',
      config: { displayName: 'Span', custom: { hidden: true } },
      doc: 'Of the request that was found: the span to look at in its trace.',
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

const optionalNumber = (displayName: string, unit: string | undefined, doc: string) =>
  ({ type: 'float64', nullable: true, config: { displayName, ...(unit && { unit }) }, doc }) as const;
const total = (displayName: string, doc: string) => ({ type: 'float64', config: { displayName }, doc }) as const;
const NOT_SEEN = 'Null where there were no requests.';

/** `meta.custom` of every frame of `overview` and `edge`: the two windows that are compared; before is empty (equal ends) where the range is too short. */
export interface ComparisonCustom {
  readonly nowFromMs: number;
  readonly nowToMs: number;
  readonly beforeFromMs: number;
  readonly beforeToMs: number;
}

/** `overview`: one row per service or far end, as the service saw its requests, else as its callers did. */
export const overviewServicesFrame = {
  name: 'services',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    service: { type: 'string', config: { displayName: 'Service' }, doc: 'Node id of the service map.' },
    kind: { type: 'string', config: { displayName: 'Kind' }, doc: 'service or external.' },
    icon: { type: 'string', doc: "Grafana's icon name, as in the service map." },
    seenBy: {
      type: 'string',
      config: { displayName: 'Seen by' },
      doc: 'server: its own side; client: only its callers; none: nothing arrived, it only calls.',
    },
    requests: total('Requests', 'Now.'),
    rate: optionalNumber('Rate', PER_SECOND, NOT_SEEN),
    errors: total('Errors', 'Now.'),
    errorShare: optionalNumber('Errors', SHARE, NOT_SEEN),
    mean: optionalNumber('Mean', NANOSECONDS, NOT_SEEN),
    p50: optionalNumber('P50', NANOSECONDS, NOT_SEEN),
    p95: optionalNumber('P95', NANOSECONDS, NOT_SEEN),
    p99: optionalNumber('P99', NANOSECONDS, NOT_SEEN),
    rateBefore: optionalNumber('Rate before', PER_SECOND, NOT_SEEN),
    errorShareBefore: optionalNumber('Errors before', SHARE, NOT_SEEN),
    meanBefore: optionalNumber('Mean before', NANOSECONDS, NOT_SEEN),
    p95Before: optionalNumber('P95 before', NANOSECONDS, NOT_SEEN),
  },
} as const satisfies FrameContract;

/** Of one side of an edge or operation. */
const sideFields = {
  side: { type: 'string', config: { displayName: 'Side' }, doc: 'client or server: who saw this.' },
  protocol: { type: 'string', config: { displayName: 'Protocol' }, doc: 'Comma-separated where several.' },
  requests: total('Requests', 'Now.'),
  errors: total('Errors', 'Now.'),
  timeouts: total('Timeouts', 'Now.'),
  resets: total('Resets', 'Now: one of the ends reset the connection.'),
  mean: optionalNumber('Mean', NANOSECONDS, NOT_SEEN),
  p95: optionalNumber('P95', NANOSECONDS, NOT_SEEN),
  requestsBefore: total('Requests before', ''),
  errorsBefore: total('Errors before', ''),
  meanBefore: optionalNumber('Mean before', NANOSECONDS, NOT_SEEN),
  p95Before: optionalNumber('P95 before', NANOSECONDS, NOT_SEEN),
} as const satisfies FrameContract['fields'];

/** `overview`: one row per edge and side that saw it. */
export const overviewEdgesFrame = {
  name: 'edges',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    source: { type: 'string', config: { displayName: 'Caller' }, doc: '' },
    target: { type: 'string', config: { displayName: 'Callee' }, doc: '' },
    ...sideFields,
  },
} as const satisfies FrameContract;

/** `overview`: one row per edge, endpoint and side that saw it. */
export const overviewOperationsFrame = {
  name: 'operations',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    source: { type: 'string', config: { displayName: 'Caller' }, doc: '' },
    target: { type: 'string', config: { displayName: 'Callee' }, doc: '' },
    endpoint: { type: 'string', config: { displayName: 'Endpoint' }, doc: 'Route, SQL fingerprint, command or name.' },
    ...sideFields,
  },
} as const satisfies FrameContract;

/**
 * `edge`: mean time of a call by segment, in the order of the way there. Segments are differences of nested durations
 * (client process ⊇ client's interfaces ⊇ server's interfaces ⊇ server process), so that no clock is compared.
 */
export const edgeSegmentsFrame = {
  name: 'segments',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    segment: {
      type: 'string',
      config: { displayName: 'Where' },
      doc: 'clientStack, clientHost, wire, serverHost, serverStack, server; or network (all between the processes) and server; or call, where one side alone is known.',
    },
    place: { type: 'string', config: { displayName: 'Place' }, doc: 'Host and interfaces, as far as known.' },
    mean: optionalNumber('Mean', NANOSECONDS, 'Null where no call was seen now.'),
    meanBefore: optionalNumber('Mean before', NANOSECONDS, 'Null where no call was seen before.'),
    retransmissions: total('Retransmissions', 'Segments seen again, now.'),
    retransmissionsBefore: total('Retransmissions before', ''),
    calls: total('Calls', 'That the mean is of, now.'),
    callsBefore: total('Calls before', ''),
  },
} as const satisfies FrameContract;

/** `edge`: how calls end, most frequent first. */
export const edgeOutcomesFrame = {
  name: 'outcomes',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    side: { type: 'string', config: { displayName: 'Side' }, doc: 'client or server: who saw this.' },
    failed: { type: 'boolean', config: { displayName: 'Failed' }, doc: '' },
    failure: {
      type: 'string',
      config: { displayName: 'Failure' },
      doc: 'timeout, reset_by_server …; empty for an answer.',
    },
    code: { type: 'float64', config: { displayName: 'Code' }, doc: 'Response code; 0 where none came.' },
    message: { type: 'string', config: { displayName: 'Message' }, doc: 'One of the error texts.' },
    calls: total('Calls', 'Now.'),
    callsBefore: total('Calls before', ''),
    mean: optionalNumber('Mean', NANOSECONDS, 'Null where none ended so now.'),
    exampleId: {
      type: 'string',
      config: { displayName: 'Example' },
      doc: 'Span id that opens a trace; empty where none ended so now.',
    },
  },
} as const satisfies FrameContract;

/** Parts of a service's time, in the order in which they are stacked. */
export const BREAKDOWN_PARTS = ['own', 'database', 'cache', 'dns', 'rpc', 'network'] as const;
export type BreakdownPart = (typeof BREAKDOWN_PARTS)[number];

/** `breakdown`: one frame per part; means per request, which add up to the mean of a request where calls do not overlap. */
export const breakdownFrame = {
  name: 'breakdown',
  meta: { type: 'timeseries-multi', typeVersion: [0, 1], preferredVisualisationType: 'graph' },
  fields: {
    time: { type: 'time', doc: 'Start of the bucket.' },
    value: {
      type: 'float64',
      nullable: true,
      config: { unit: NANOSECONDS },
      doc: 'Named after the part. Labels: service, part.',
    },
  },
} as const satisfies FrameContract;

/** `events`: as annotations read them. */
export const eventsFrame = {
  name: 'events',
  meta: { typeVersion: [0, 0] },
  fields: {
    time: { type: 'time', doc: '' },
    timeEnd: { type: 'time', nullable: true, doc: 'Null for a moment.' },
    title: { type: 'string', config: { displayName: 'What' }, doc: '' },
    text: { type: 'string', config: { displayName: 'Details' }, doc: 'key: value, one a line.' },
    tags: { type: 'json', config: { displayName: 'Tags' }, doc: 'string[]: kind, service, host.' },
    id: { type: 'string', doc: 'Stable.' },
    kind: {
      type: 'string',
      config: { displayName: 'Kind' },
      doc: 'process_start, process_end, agent_start, rows_dropped …',
    },
    service: { type: 'string', config: { displayName: 'Service' }, doc: 'Empty for none.' },
    host: { type: 'string', config: { displayName: 'Host' }, doc: 'Empty for none.' },
  },
} as const satisfies FrameContract;

/** `freshness`: one row per agent (or SDK source) that reported within the last day. */
export const freshnessFrame = {
  name: 'freshness',
  meta: { type: 'table', typeVersion: [0, 1], preferredVisualisationType: 'table' },
  fields: {
    agent: { type: 'string', config: { displayName: 'Agent' }, doc: 'Empty for rows that SDKs sent.' },
    host: { type: 'string', config: { displayName: 'Host' }, doc: '' },
    newest: { type: 'time', config: { displayName: 'Newest row' }, doc: '' },
    behind: {
      type: 'float64',
      config: { displayName: 'Behind', unit: NANOSECONDS },
      doc: "The store's clock less newest.",
    },
    rows: total('Rows', 'In the time range.'),
    dropped: total('Dropped', 'In the time range, as the agent counted.'),
    truncated: total('Cut by the capture', 'Rows in the time range.'),
    processes: total('Processes', 'Alive on the host.'),
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

/** A point on the way of one exchange. Times are of the trace's clock, corrected between hosts. */
export interface TraceHop {
  readonly kind: 'process' | 'interface';
  /** Service of the process, or name of the interface. */
  readonly point: string;
  readonly host: string;
  /** Nanoseconds from the start of the row's span at which the request was here; may be negative before it. */
  readonly requestNs: number;
  /** … at which the response was here; absent where none was seen. */
  readonly responseNs?: number;
  readonly retransmissions: number;
  /** Uncertainty of the clock between this host and the first one; absent on the same host. */
  readonly clockUncertaintyNs?: number;
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
    hops: { type: 'json', doc: 'TraceHop[]: the way of the request, in order; empty where no interface saw it.' },
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
  /** Milliseconds from the end of the trace's last span to now; young traces may still grow. */
  readonly ageMs: number;
}
