/** A trace as the waterfall reads it: plain columns in, typed arrays out. No Grafana type, no drawing. */

export type TraceLayer = 'application' | 'process' | 'network';
export const TRACE_LAYERS: readonly TraceLayer[] = ['application', 'process', 'network'];

export const SPAN_KINDS = ['unspecified', 'client', 'server', 'internal', 'producer', 'consumer'] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];

/** Rows of a trace frame by column. Only spanID is needed; times are milliseconds, as Grafana's trace view has them. */
export interface TraceColumns {
  readonly traceID?: ArrayLike<unknown>;
  readonly spanID: ArrayLike<unknown>;
  readonly parentSpanID?: ArrayLike<unknown>;
  readonly operationName?: ArrayLike<unknown>;
  readonly serviceName?: ArrayLike<unknown>;
  readonly serviceTags?: ArrayLike<unknown>;
  readonly startTime?: ArrayLike<unknown>;
  readonly duration?: ArrayLike<unknown>;
  readonly kind?: ArrayLike<unknown>;
  readonly statusCode?: ArrayLike<unknown>;
  readonly statusMessage?: ArrayLike<unknown>;
  readonly tags?: ArrayLike<unknown>;
  readonly logs?: ArrayLike<unknown>;
  readonly references?: ArrayLike<unknown>;
  readonly warnings?: ArrayLike<unknown>;
  readonly hops?: ArrayLike<unknown>;
}

/** A point on the way of one exchange, in the order of the request; nanoseconds from the start of the row's span. */
export interface HopPoint {
  readonly kind: 'process' | 'interface';
  readonly point: string;
  readonly host: string;
  readonly requestNs: number;
  readonly responseNs?: number;
  readonly retransmissions: number;
  readonly clockUncertaintyNs?: number;
}

export interface Alternative {
  readonly spanId: string;
  readonly probability: number;
}

/** Links without a stated probability were reported by an SDK: they are as sure as its instrumentation. */
export interface SpanLink {
  readonly evidence: string;
  readonly probability: number;
  readonly reason: string;
  readonly alternatives: readonly Alternative[];
}

export interface KeyValue {
  readonly key: string;
  readonly value: unknown;
}

export interface SpanEvent {
  /** From the start of the trace. */
  readonly atNs: number;
  readonly name: string;
  readonly fields: readonly KeyValue[];
}

/** Everything about one span that only its drawer shows: read from the columns on demand. */
export interface SpanDetail {
  readonly attributes: readonly KeyValue[];
  readonly resource: readonly KeyValue[];
  readonly link: SpanLink | undefined;
  readonly failure: string;
  readonly peer: string;
  readonly statusMessage: string;
  readonly events: readonly SpanEvent[];
  readonly warnings: readonly string[];
  /** Spans pointed at without being the parent. */
  readonly references: readonly { readonly traceId: string; readonly spanId: string }[];
}

export interface TraceModel {
  readonly count: number;
  readonly traceId: string;
  /** Traces in the columns beyond the one that is read. */
  readonly otherTraces: number;
  /** Rows left out: equal to another row in every column that tells spans apart. */
  readonly duplicates: number;
  /** Epoch milliseconds of time zero. */
  readonly originMs: number;
  readonly durationNs: number;
  readonly spanIds: readonly string[];
  readonly services: readonly string[];
  readonly names: readonly string[];
  readonly protocols: readonly string[];
  /** Index into `services`. */
  readonly service: Int32Array;
  /** Who does the work of the row: the far end of a call whose other side has no row, else its own service. */
  readonly shownService: Int32Array;
  readonly name: Int32Array;
  readonly protocol: Int32Array;
  /** Index into TRACE_LAYERS. */
  readonly layer: Uint8Array;
  /** Index into SPAN_KINDS. */
  readonly kind: Uint8Array;
  readonly startNs: Float64Array;
  readonly durationsNs: Float64Array;
  /** Duration less the time in which a child ran. */
  readonly selfNs: Float64Array;
  /** −1 for a root. */
  readonly parent: Int32Array;
  readonly firstChild: Int32Array;
  readonly nextSibling: Int32Array;
  readonly childCount: Int32Array;
  /** Spans below, at any depth. */
  readonly descendants: Int32Array;
  readonly depth: Int32Array;
  /** Spans, parents first, siblings by start. */
  readonly order: Int32Array;
  readonly roots: Int32Array;
  readonly failed: Uint8Array;
  /** A failing span without a failing one below: where an error starts. */
  readonly errorOrigin: Uint8Array;
  readonly errors: number;
  /** Response code of the protocol; 0 where none is known. */
  readonly code: Int32Array;
  /** NaN for roots. */
  readonly linkProbability: Float32Array;
  /** How many requests could be the cause; 0 where the parent is known or none fits. */
  readonly oneOf: Int32Array;
  /** Spans whose link states evidence, roots that name a parent which is not here, and roots that are one of several. */
  readonly links: { readonly known: number; readonly oneOf: number; readonly missingParent: number };
  readonly missingParent: Uint8Array;
  readonly hops: ReadonlyMap<number, readonly HopPoint[]>;
  readonly columns: TraceColumns;
  /** Row of the columns of each span. */
  readonly rowOf: Int32Array;
}

export const KIND_CLIENT = SPAN_KINDS.indexOf('client');
export const KIND_SERVER = SPAN_KINDS.indexOf('server');
export const KIND_PRODUCER = SPAN_KINDS.indexOf('producer');
const LAYER_APPLICATION = 0;
const LAYER_NETWORK = 2;

const NS_PER_MS = 1e6;
/** Some senders write a root's parent as zeros. */
const NO_ID = /^0+$/;

/** Strings by index: a trace of a million spans has a few hundred names. */
class StringTable {
  readonly values: string[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(value: string): number {
    let index = this.#indexes.get(value);
    if (index === undefined) {
      index = this.values.length;
      this.values.push(value);
      this.#indexes.set(value, index);
    }
    return index;
  }
}

/** What the tags of one row say that every row needs. */
interface TagFacts {
  layer: string;
  evidence: string;
  probability: number;
  candidates: number;
  failure: string;
  peer: string;
  protocol: string;
  code: number;
  error: boolean;
  hop: boolean;
  spanKind: string;
}

/**
 * Reads a trace. Linear in the number of rows but for sorting siblings. Never throws on bad data: rows without an id,
 * with a parent that is missing or their own descendant, or without a time are kept and drawn where they can be.
 */
export function buildTraceModel(columns: TraceColumns): TraceModel {
  const rows = columns.spanID.length;
  const traceId = rows > 0 ? textOf(columns.traceID?.[0]) : '';
  const services = new StringTable();
  const names = new StringTable();
  const protocols = new StringTable();
  protocols.indexOf('');

  const service = new Int32Array(rows);
  const peer = new Int32Array(rows).fill(-1);
  const name = new Int32Array(rows);
  const protocol = new Int32Array(rows);
  const layer = new Uint8Array(rows);
  const kind = new Uint8Array(rows);
  const startMs = new Float64Array(rows);
  const durationsNs = new Float64Array(rows);
  const failed = new Uint8Array(rows);
  const code = new Int32Array(rows);
  const linkProbability = new Float32Array(rows).fill(NaN);
  const oneOf = new Int32Array(rows);
  const stated = new Uint8Array(rows);
  const rowOf = new Int32Array(rows);
  const spanIds: string[] = [];
  const hops = new Map<number, readonly HopPoint[]>();
  const byId = new Map<string, number>();
  const others = new Set<string>();
  /** Spans whose id another has, too. */
  const repeated = new Set<number>();

  const facts = emptyFacts();
  const dropHopRows = columns.hops !== undefined;
  let count = 0;
  let duplicates = 0;
  let originMs = Infinity;
  for (let row = 0; row < rows; row++) {
    const id = textOf(columns.traceID?.[row]);
    if (id !== traceId) {
      others.add(id);
      continue;
    }
    readTags(columns.tags?.[row], facts);
    if (facts.hop && dropHopRows) continue;
    const spanId = textOf(columns.spanID[row]) || `row ${row + 1}`;
    const i = count;
    service[i] = services.indexOf(textOf(columns.serviceName?.[row]) || 'unknown');
    name[i] = names.indexOf(textOf(columns.operationName?.[row]) || 'unnamed');
    kind[i] = kindIndex(columns.kind?.[row], facts);
    startMs[i] = number(columns.startTime?.[row]);
    const duration = number(columns.duration?.[row]);
    durationsNs[i] = duration > 0 ? Math.round(duration * NS_PER_MS) : 0;
    const first = byId.get(spanId);
    if (first === undefined) byId.set(spanId, i);
    else if (sameSpan(i, first)) {
      duplicates++;
      continue;
    } else repeated.add(i);
    layer[i] = layerIndex(facts);
    if (facts.peer !== '') peer[i] = services.indexOf(facts.peer);
    protocol[i] = protocols.indexOf(facts.protocol);
    code[i] = facts.code;
    failed[i] = number(columns.statusCode?.[row]) === 2 || facts.error || facts.failure !== '' ? 1 : 0;
    if (facts.evidence !== '') {
      stated[i] = 1;
      linkProbability[i] = facts.probability;
      if (facts.evidence === 'one_of') oneOf[i] = Math.max(2, facts.candidates);
    }
    const way = readHops(columns.hops?.[row]);
    if (way.length > 0) hops.set(i, way);
    if (startMs[i]! < originMs) originMs = startMs[i]!;
    rowOf[i] = row;
    spanIds.push(spanId);
    count++;
  }
  if (!Number.isFinite(originMs)) originMs = 0;

  function sameSpan(a: number, b: number): boolean {
    return (
      startMs[a] === startMs[b] &&
      durationsNs[a] === durationsNs[b] &&
      name[a] === name[b] &&
      service[a] === service[b] &&
      kind[a] === kind[b]
    );
  }

  const startNs = new Float64Array(count);
  for (let i = 0; i < count; i++) startNs[i] = Math.round((startMs[i]! - originMs) * NS_PER_MS);

  // Parents by id; a second row of the same id is the server's side of a shared span (Zipkin), below its client.
  const parent = new Int32Array(count).fill(-1);
  const missingParent = new Uint8Array(count);
  const links = { known: 0, oneOf: 0, missingParent: 0 };
  for (let i = 0; i < count; i++) {
    const own = repeated.has(i) ? byId.get(spanIds[i]!)! : i;
    const parentId = textOf(columns.parentSpanID?.[rowOf[i]!]);
    if (own !== i && kind[i] === KIND_SERVER && kind[own] === KIND_CLIENT) parent[i] = own;
    else if (parentId !== '' && !NO_ID.test(parentId)) {
      const found = byId.get(parentId);
      if (found !== undefined && found !== i) parent[i] = found;
      else missingParent[i] = 1;
    }
    if (oneOf[i]! > 0) {
      const { candidates, likeliest } = alternativesOf(columns.references?.[rowOf[i]!], byId);
      oneOf[i] = Math.max(oneOf[i]!, candidates);
      // Drawn below its likeliest cause of this trace, as a stub that counts nowhere.
      if (parent[i] === -1 && likeliest !== undefined && likeliest !== i) parent[i] = likeliest;
      links.oneOf++;
    } else if (missingParent[i] === 1) links.missingParent++;
    else if (stated[i] === 1 && parent[i] !== -1) links.known++;
  }
  cutCycles(parent, count);
  for (let i = 0; i < count; i++) {
    if (parent[i] === -1) linkProbability[i] = NaN;
    else if (stated[i] === 0) linkProbability[i] = 1;
    else if (Number.isNaN(linkProbability[i]!)) linkProbability[i] = oneOf[i]! > 0 ? 1 / oneOf[i]! : 1;
  }

  const { firstChild, nextSibling, childCount, roots, order, depth } = arrange(parent, startNs, count);
  const descendants = new Int32Array(count);
  const failingBelow = new Uint8Array(count);
  const errorOrigin = new Uint8Array(count);
  let errors = 0;
  for (let at = count - 1; at >= 0; at--) {
    const i = order[at]!;
    if (failed[i] === 1) {
      errors++;
      if (failingBelow[i] === 0) errorOrigin[i] = 1;
    }
    const up = parent[i]!;
    if (up === -1) continue;
    descendants[up] = descendants[up]! + descendants[i]! + 1;
    // The error of a stub may be another request's.
    if ((failed[i] === 1 || failingBelow[i] === 1) && oneOf[i] === 0) failingBelow[up] = 1;
  }

  let endNs = 0;
  const selfNs = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const i = order[at]!;
    // Without a time of its own a span starts where its parent does: order is parents first.
    if (Number.isNaN(startNs[i]!)) startNs[i] = parent[i] === -1 ? 0 : startNs[parent[i]!]!;
    endNs = Math.max(endNs, startNs[i]! + durationsNs[i]!);
  }
  for (let i = 0; i < count; i++) {
    let covered = 0;
    let until = startNs[i]!;
    const end = until + durationsNs[i]!;
    for (let child = firstChild[i]!; child !== -1; child = nextSibling[child]!) {
      if (oneOf[child]! > 0) continue;
      const from = Math.max(startNs[child]!, until);
      const to = Math.min(startNs[child]! + durationsNs[child]!, end);
      if (to > from) {
        covered += to - from;
        until = to;
      }
    }
    selfNs[i] = Math.max(0, durationsNs[i]! - covered);
  }

  const shownService = service.slice(0, count);
  for (let i = 0; i < count; i++) {
    const calls = kind[i] === KIND_CLIENT || kind[i] === KIND_PRODUCER;
    if (calls && childCount[i] === 0 && peer[i] !== -1) shownService[i] = peer[i]!;
  }

  return {
    count,
    traceId,
    otherTraces: others.size,
    duplicates,
    originMs,
    durationNs: endNs,
    spanIds,
    services: services.values,
    names: names.values,
    protocols: protocols.values,
    service: service.subarray(0, count),
    shownService,
    name: name.subarray(0, count),
    protocol: protocol.subarray(0, count),
    layer: layer.subarray(0, count),
    kind: kind.subarray(0, count),
    startNs,
    durationsNs: durationsNs.subarray(0, count),
    selfNs,
    parent,
    firstChild,
    nextSibling,
    childCount,
    descendants,
    depth,
    order,
    roots,
    failed: failed.subarray(0, count),
    errorOrigin,
    errors,
    code: code.subarray(0, count),
    linkProbability: linkProbability.subarray(0, count),
    oneOf: oneOf.subarray(0, count),
    links,
    missingParent,
    hops,
    columns,
    rowOf: rowOf.subarray(0, count),
  };
}

/** Makes a root of one span of every cycle: the first of it in the columns. */
function cutCycles(parent: Int32Array, count: number): void {
  const seenBy = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const walk = i + 1;
    let at = i;
    while (at !== -1 && seenBy[at] === 0) {
      seenBy[at] = walk;
      at = parent[at]!;
    }
    if (at !== -1 && seenBy[at] === walk) parent[at] = -1;
  }
}

/** Children by start, the order of rows, and depths: without recursion, for a trace may be deeper than the stack. */
function arrange(parent: Int32Array, startNs: Float64Array, count: number) {
  const byStart = new Int32Array(count);
  for (let i = 0; i < count; i++) byStart[i] = i;
  let sorted = true;
  for (let i = 1; i < count && sorted; i++) sorted = startNs[i - 1]! <= startNs[i]!;
  if (!sorted) {
    const key = startNs.map((start) => (Number.isNaN(start) ? Infinity : start));
    // Infinity less Infinity is no order: rows without a time stay as they came.
    byStart.sort((a, b) => (key[a] === key[b] ? a - b : key[a]! - key[b]!));
  }
  const firstChild = new Int32Array(count).fill(-1);
  const nextSibling = new Int32Array(count).fill(-1);
  const childCount = new Int32Array(count);
  const rootList: number[] = [];
  for (let at = count - 1; at >= 0; at--) {
    const i = byStart[at]!;
    const up = parent[i]!;
    if (up === -1) rootList.push(i);
    else {
      nextSibling[i] = firstChild[up]!;
      firstChild[up] = i;
      childCount[up] = childCount[up]! + 1;
    }
  }
  const roots = Int32Array.from(rootList.reverse());
  const order = new Int32Array(count);
  const depth = new Int32Array(count);
  let filled = 0;
  for (const root of roots) {
    let at = root;
    while (at !== -1) {
      order[filled++] = at;
      if (parent[at] !== -1) depth[at] = depth[parent[at]!]! + 1;
      if (firstChild[at] !== -1) at = firstChild[at]!;
      else {
        while (at !== -1 && nextSibling[at] === -1) at = parent[at]!;
        if (at !== -1) at = nextSibling[at]!;
      }
    }
  }
  return { firstChild, nextSibling, childCount, roots, order, depth };
}

function emptyFacts(): TagFacts {
  return {
    layer: '',
    evidence: '',
    probability: NaN,
    candidates: 0,
    failure: '',
    peer: '',
    protocol: '',
    code: 0,
    error: false,
    hop: false,
    spanKind: '',
  };
}

/** One object for all rows: a million spans have as many tags as there is patience. */
function resetFacts(facts: TagFacts): void {
  facts.layer = facts.evidence = facts.failure = facts.peer = facts.protocol = facts.spanKind = '';
  facts.probability = NaN;
  facts.candidates = facts.code = 0;
  facts.error = facts.hop = false;
}

function readTags(tags: unknown, facts: TagFacts): void {
  resetFacts(facts);
  const list = array(tags);
  for (let i = 0; i < list.length; i++) {
    const tag = list[i] as Partial<KeyValue> | null;
    const value = tag?.value;
    switch (tag?.key) {
      case 'throughline.layer':
        facts.layer = textOf(value);
        break;
      case 'throughline.link.evidence':
        facts.evidence = textOf(value);
        break;
      case 'throughline.link.probability':
        facts.probability = number(value);
        break;
      case 'throughline.link.candidates':
        facts.candidates = number(value) || 0;
        break;
      case 'throughline.failure':
        facts.failure = textOf(value);
        break;
      case 'throughline.peer.name':
        facts.peer = textOf(value);
        break;
      case 'peer.service':
        if (facts.peer === '') facts.peer = textOf(value);
        break;
      case 'throughline.protocol':
        facts.protocol = textOf(value);
        break;
      case 'db.system':
      case 'db.system.name':
      case 'messaging.system':
      case 'rpc.system':
        if (facts.protocol === '') facts.protocol = textOf(value);
        break;
      case 'http.method':
      case 'http.request.method':
        if (facts.protocol === '') facts.protocol = 'http';
        break;
      case 'throughline.response_code':
      case 'http.status_code':
      case 'http.response.status_code':
        facts.code = number(value) || facts.code;
        break;
      case 'throughline.hop.interface':
        facts.hop = true;
        break;
      case 'span.kind':
        facts.spanKind = textOf(value);
        break;
      case 'error':
        facts.error ||= value === true || value === 'true';
        break;
      case 'otel.status_code':
        facts.error ||= value === 'ERROR';
        break;
    }
  }
}

function layerIndex(facts: TagFacts): number {
  if (facts.hop) return LAYER_NETWORK;
  const index = TRACE_LAYERS.indexOf(facts.layer as TraceLayer);
  return index === -1 ? LAYER_APPLICATION : index;
}

function kindIndex(value: unknown, facts: TagFacts): number {
  const index = SPAN_KINDS.indexOf((textOf(value) || facts.spanKind).toLowerCase() as SpanKind);
  return index === -1 ? 0 : index;
}

function readHops(value: unknown): readonly HopPoint[] {
  return array(value).filter((hop): hop is HopPoint => Number.isFinite((hop as HopPoint | null)?.requestNs));
}

/** Requests that could be the cause, and the likeliest of them among these spans. */
function alternativesOf(references: unknown, byId: ReadonlyMap<string, number>) {
  const alternatives = readAlternatives(references);
  let likeliest: number | undefined;
  let best = -1;
  for (const { spanId, probability } of alternatives) {
    const index = byId.get(spanId);
    if (index === undefined || probability <= best) continue;
    likeliest = index;
    best = probability;
  }
  return { candidates: alternatives.length, likeliest };
}

interface Reference {
  readonly traceID?: unknown;
  readonly spanID?: unknown;
  readonly tags?: unknown;
}

function readAlternatives(references: unknown): Alternative[] {
  return array(references).flatMap((each) => {
    const reference = each as Reference | null;
    const tags = keyValues(reference?.tags);
    if (valueOf(tags, 'throughline.link.evidence') !== 'one_of') return [];
    const probability = number(valueOf(tags, 'throughline.link.probability'));
    return [{ spanId: textOf(reference?.spanID), probability: Number.isNaN(probability) ? 0 : probability }];
  });
}

/** What the drawer shows of one span. */
export function spanDetail(model: TraceModel, span: number): SpanDetail {
  const { columns, originMs } = model;
  const row = model.rowOf[span]!;
  const attributes = keyValues(columns.tags?.[row]);
  const evidence = textOf(valueOf(attributes, 'throughline.link.evidence'));
  const references = array(columns.references?.[row]) as readonly (Reference | null)[];
  const alternatives = readAlternatives(references);
  const among = new Set(alternatives.map(({ spanId }) => spanId));
  return {
    attributes,
    resource: keyValues(columns.serviceTags?.[row]),
    link:
      evidence === ''
        ? undefined
        : {
            evidence,
            probability: model.linkProbability[span]!,
            reason: textOf(valueOf(attributes, 'throughline.link.reason')),
            alternatives,
          },
    failure: textOf(valueOf(attributes, 'throughline.failure')),
    peer: textOf(valueOf(attributes, 'throughline.peer.name')) || textOf(valueOf(attributes, 'peer.service')),
    statusMessage: textOf(columns.statusMessage?.[row]),
    events: array(columns.logs?.[row]).map((each): SpanEvent => {
      const log = each as { timestamp?: unknown; name?: unknown; fields?: unknown } | null;
      const fields = keyValues(log?.fields);
      return {
        atNs: (number(log?.timestamp) - originMs) * NS_PER_MS,
        name: textOf(log?.name) || textOf(valueOf(fields, 'event')) || 'event',
        fields,
      };
    }),
    warnings: array(columns.warnings?.[row]).map(textOf),
    references: references
      .map((reference) => ({ traceId: textOf(reference?.traceID), spanId: textOf(reference?.spanID) }))
      .filter(({ spanId }) => spanId !== '' && !among.has(spanId)),
  };
}

export function valueOf(pairs: readonly KeyValue[], key: string): unknown {
  return pairs.find((pair) => pair.key === key)?.value;
}

function keyValues(value: unknown): readonly KeyValue[] {
  return array(value).filter((pair): pair is KeyValue => typeof (pair as KeyValue | null)?.key === 'string');
}

/** JSON columns come parsed, or as text from a datasource that has no JSON type. */
function array(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value.startsWith('[')) return NOTHING;
  try {
    return JSON.parse(value) as readonly unknown[];
  } catch {
    return NOTHING;
  }
}

const NOTHING: readonly unknown[] = [];

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : String(value);
}

function number(value: unknown): number {
  if (typeof value === 'number') return value;
  return value === null || value === undefined || value === '' ? NaN : Number(value);
}
