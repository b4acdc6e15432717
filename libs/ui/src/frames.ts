import { type DataFrame } from '@grafana/data';
import { type FieldContract, type FrameContract } from '@throughline/query';

interface BrowserTypes {
  /** Epoch milliseconds. */
  time: number;
  string: string;
  boolean: boolean;
  json: unknown;
  float64: number;
  uint64: number;
}

type BrowserValue<F extends FieldContract> = F extends { readonly nullable: true }
  ? BrowserTypes[F['type']] | null
  : BrowserTypes[F['type']];

/** One row of a contract's frame as a browser has it: times are epoch ms, 64-bit integers are numbers. */
export type RowOf<C extends FrameContract> = { readonly [K in keyof C['fields']]: BrowserValue<C['fields'][K]> };

export function framesNamed(series: readonly DataFrame[], contract: FrameContract): DataFrame[] {
  return series.filter(({ name }) => name === contract.name);
}

/** Rows of the frame of that contract; none where there is no such frame. A field it lacks reads as its type's nothing. */
export function rowsOf<C extends FrameContract>(series: readonly DataFrame[], contract: C): RowOf<C>[] {
  const frame = framesNamed(series, contract)[0];
  return frame ? readRows(frame, contract) : [];
}

export function readRows<C extends FrameContract>(frame: DataFrame, contract: C): RowOf<C>[] {
  const columns = Object.entries(contract.fields).map(([name, { type, nullable }]) => {
    const values = frame.fields.find((field) => field.name === name)?.values as unknown[] | undefined;
    return { name, values, missing: nullable === true ? null : NOTHING[type] };
  });
  return Array.from({ length: frame.length }, (_, row) =>
    Object.fromEntries(columns.map(({ name, values, missing }) => [name, values?.[row] ?? missing]))
  ) as RowOf<C>[];
}

const NOTHING: Readonly<Record<FieldContract['type'], unknown>> = {
  time: 0,
  string: '',
  boolean: false,
  json: undefined,
  float64: 0,
  uint64: 0,
};
