import { GrafanaBackendError } from './errors.ts';

/**
 * A Grafana data frame: named columns of equal length. Field types are those of grafana-plugin-sdk-go's `data` package;
 * `json` is its json.RawMessage, `enum` its EnumItemIndex.
 */

export type IntegerType = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32';
export type FloatType = 'float32' | 'float64';
export type NumberType = IntegerType | FloatType;
export type BigIntType = 'int64' | 'uint64';
export type FieldType = 'time' | 'string' | 'boolean' | 'json' | 'enum' | NumberType | BigIntType;

/** Free-form on purpose: Grafana's FieldConfig grows with each release and the SDK only hands it on. */
export type FieldConfig = Readonly<Record<string, unknown>>;
export type Labels = Readonly<Record<string, string>>;

interface FieldBase {
  readonly name: string;
  readonly nullable?: boolean;
  readonly labels?: Labels;
  readonly config?: FieldConfig;
}

/** Epoch nanoseconds. */
export type TimeField = FieldBase & { readonly type: 'time'; readonly values: ArrayLike<bigint | null> };
export type StringField = FieldBase & { readonly type: 'string'; readonly values: ArrayLike<string | null> };
export type BooleanField = FieldBase & { readonly type: 'boolean'; readonly values: ArrayLike<boolean | null> };
/** Any JSON value; `undefined` is null. */
export type JsonField = FieldBase & { readonly type: 'json'; readonly values: ArrayLike<unknown> };
/** Indexes into `config.type.enum.text`. */
export type EnumField = FieldBase & { readonly type: 'enum'; readonly values: ArrayLike<number | null> };
export type NumberField = FieldBase & { readonly type: NumberType; readonly values: ArrayLike<number | null> };
export type BigIntField = FieldBase & { readonly type: BigIntType; readonly values: ArrayLike<bigint | null> };

export type Field = TimeField | StringField | BooleanField | JsonField | EnumField | NumberField | BigIntField;

export interface Notice {
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
  readonly link?: string;
}

/** Keys that Grafana's server keeps; others are lost on the way, use `custom`. */
export interface FrameMeta {
  readonly type?: string;
  readonly typeVersion?: readonly [number, number];
  readonly custom?: Readonly<Record<string, unknown>>;
  readonly stats?: readonly Readonly<Record<string, unknown>>[];
  readonly notices?: readonly Notice[];
  readonly channel?: string;
  readonly preferredVisualisationType?: string;
  readonly preferredVisualisationPluginId?: string;
  readonly executedQueryString?: string;
  readonly dataTopic?: string;
  readonly uniqueRowIdFields?: readonly number[];
}

export interface Frame {
  readonly name?: string;
  readonly refId?: string;
  readonly meta?: FrameMeta;
  readonly fields: readonly Field[];
}

/** `tstype` of a field: what the front end takes it for. */
export const FRONTEND_TYPES: Readonly<Record<FieldType, string>> = {
  time: 'time',
  string: 'string',
  boolean: 'boolean',
  json: 'other',
  enum: 'enum',
  float64: 'number',
  float32: 'number',
  int8: 'number',
  int16: 'number',
  int32: 'number',
  int64: 'number',
  uint8: 'number',
  uint16: 'number',
  uint32: 'number',
  uint64: 'number',
};

export function rowCount(frame: Frame): number {
  return frame.fields[0]?.values.length ?? 0;
}

/** Refuses what the host's decoder would refuse: one bad frame fails the answers of all queries in the request. */
export function validateFrame(frame: Frame): void {
  const rows = rowCount(frame);
  for (const field of frame.fields) {
    if (field.values.length !== rows) {
      throw invalid(frame, field, `has ${field.values.length} values where the first field has ${rows}`);
    }
    if (field.nullable) continue;
    for (let i = 0; i < rows; i++) {
      if (field.values[i] == null) throw invalid(frame, field, `is not nullable but row ${i} is null`);
    }
  }
}

function invalid(frame: Frame, field: Field, problem: string): GrafanaBackendError {
  return new GrafanaBackendError(
    'GRAFANA_FRAME_INVALID',
    `field ${field.name} of frame ${frame.name ?? ''} ${problem}`
  );
}
