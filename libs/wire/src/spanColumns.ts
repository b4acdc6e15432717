import { ColumnType } from './gen/throughline/agent/v1/agent.ts';

/**
 * Columns of a batch of rows of `spans`, wire version 1: the one list that builder and reader share. Names are those of the
 * table in camelCase; a name with a dot belongs to a group, whose `ends` column says where each owner's values end.
 */

type Kind = keyof typeof KINDS;

const KINDS = {
  u8: { type: ColumnType.COLUMN_TYPE_U8, width: 1, array: Uint8Array },
  u16: { type: ColumnType.COLUMN_TYPE_U16, width: 2, array: Uint16Array },
  u32: { type: ColumnType.COLUMN_TYPE_U32, width: 4, array: Uint32Array },
  i32: { type: ColumnType.COLUMN_TYPE_I32, width: 4, array: Int32Array },
  f32: { type: ColumnType.COLUMN_TYPE_F32, width: 4, array: Float32Array },
  u64: { type: ColumnType.COLUMN_TYPE_U64, width: 8, array: BigUint64Array },
  i64: { type: ColumnType.COLUMN_TYPE_I64, width: 8, array: BigInt64Array },
  bytes8: { type: ColumnType.COLUMN_TYPE_BYTES8, width: 8, array: Uint8Array },
  bytes16: { type: ColumnType.COLUMN_TYPE_BYTES16, width: 16, array: Uint8Array },
  string: { type: ColumnType.COLUMN_TYPE_STRING, width: 4, array: Uint32Array },
} as const;

/** Columns with one value per row. */
export const ROW_COLUMNS = {
  timestamp: 'i64', // wall clock, ns since the epoch
  duration: 'u64', // ns
  traceId: 'bytes16', // zeros: none
  spanId: 'bytes8', // big endian
  parentSpanId: 'bytes8',
  wireParentSpanId: 'bytes8',
  traceState: 'string',
  layer: 'string',
  spanKind: 'string',
  spanName: 'string',
  serviceName: 'string',
  entityId: 'u64',
  peerEntityId: 'u64',
  peerName: 'string',
  peerEvidence: 'string',
  pid: 'u32',
  tid: 'u32',
  protocol: 'string',
  method: 'string',
  endpoint: 'string',
  target: 'string',
  host: 'string',
  responseCode: 'i32',
  statusCode: 'string',
  statusMessage: 'string',
  failure: 'string',
  truncated: 'u8',
  clientAddress: 'bytes16',
  clientPort: 'u16',
  serverAddress: 'bytes16',
  serverPort: 'u16',
  netns: 'u32', // of the socket; for finding the far end, not stored
  requestSequence: 'u32',
  responseSequence: 'u32',
  requestBytes: 'u64',
  responseBytes: 'u64',
  requestId: 'string',
  responseRequestId: 'string',
  linkEvidence: 'string',
  linkProbability: 'f32',
  linkCandidateCount: 'u16',
  scopeName: 'string',
  scopeVersion: 'string',
} as const satisfies Record<string, Kind>;

/** Groups: lists that a row (or, for event and link attributes, an event or link) owns. */
export const GROUPS = {
  linkCandidates: { owner: 'row', columns: { spanId: 'bytes8', probability: 'f32' } },
  hops: {
    owner: 'row',
    columns: {
      interface: 'string',
      interfaceIndex: 'u32',
      netns: 'u32',
      direction: 'string',
      offset: 'i64',
      duration: 'u64',
      retransmissions: 'u16',
    },
  },
  resourceAttributes: { owner: 'row', columns: { key: 'string', value: 'string' } },
  spanAttributes: { owner: 'row', columns: { key: 'string', value: 'string' } },
  events: { owner: 'row', columns: { timestamp: 'i64', name: 'string' } },
  eventAttributes: { owner: 'events', columns: { key: 'string', value: 'string' } },
  links: { owner: 'row', columns: { traceId: 'bytes16', spanId: 'bytes8', traceState: 'string' } },
  linkAttributes: { owner: 'links', columns: { key: 'string', value: 'string' } },
} as const satisfies Record<string, { owner: string; columns: Record<string, Kind> }>;

export type RowColumn = keyof typeof ROW_COLUMNS;
export type Group = keyof typeof GROUPS;

interface KindValues {
  u8: number;
  u16: number;
  u32: number;
  i32: number;
  f32: number;
  u64: bigint;
  i64: bigint;
  /** 8 or 16 bytes; undefined writes zeros. */
  bytes8: Uint8Array | bigint | undefined;
  bytes16: Uint8Array | string | undefined;
  string: string;
}

/** One row in plain fields. `bytes8` ids may be u64 `bigint`s, `bytes16` trace ids 32 hex digits or ''. */
export type SpanRow = { [Name in RowColumn]: KindValues[(typeof ROW_COLUMNS)[Name]] };

export type GroupItem<Name extends Group> = {
  [Column in keyof (typeof GROUPS)[Name]['columns']]: (typeof GROUPS)[Name]['columns'][Column] extends Kind
    ? KindValues[(typeof GROUPS)[Name]['columns'][Column]]
    : never;
};

export function kindOf(kind: Kind): (typeof KINDS)[Kind] {
  return KINDS[kind];
}

/** All column names with their kinds, `hops.offset` form for groups, `hops.ends` for where owners' values end. */
export function allColumns(): ReadonlyMap<string, Kind> {
  const all = new Map<string, Kind>(Object.entries(ROW_COLUMNS));
  for (const [group, { columns }] of Object.entries(GROUPS)) {
    all.set(`${group}.ends`, 'u32');
    for (const [column, kind] of Object.entries(columns)) all.set(`${group}.${column}`, kind);
  }
  return all;
}

export type ColumnKind = Kind;
