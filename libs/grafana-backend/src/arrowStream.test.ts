import {
  DateDay,
  Dictionary,
  type DataType,
  Field,
  FixedSizeBinary,
  Int32,
  List,
  Null,
  RecordBatchStreamWriter,
  Schema,
  tableFromIPC,
  tableToIPC,
  TimestampMillisecond,
  Uint8,
  Utf8,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { encodeArrowFrame } from './arrowFrame.ts';
import { arrowStreamToFile, arrowStreamToFrame, countRows } from './arrowStream.ts';
import { type Frame } from './frame.ts';

const frame: Frame = {
  fields: [
    { name: 'time', type: 'time', values: [1_767_355_200_123_456_789n, 1n, 2n] },
    { name: 'service', type: 'string', nullable: true, values: ['cart', null, 'shop'] },
    { name: 'attributes', type: 'string', values: ['{"a":1}', '{}', '[]'] },
    { name: 'count', type: 'uint64', values: [1n, 2n ** 64n - 1n, 0n] },
  ],
};

/** Two record batches, as ClickHouse sends one per block. */
function stream(): Uint8Array {
  const table = tableFromIPC(encodeArrowFrame(frame));
  return tableToIPC(table.slice(0, 1).concat(table.slice(1)), 'stream');
}

function schemaOnlyStream(type: DataType): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, new Schema([new Field('column', type, true)]));
  writer.finish();
  return writer.toUint8Array(true);
}

describe('arrowStreamToFile', () => {
  it('keeps every batch and adds the metadata', () => {
    const file = arrowStreamToFile(stream(), {
      name: 'rows',
      refId: 'B',
      meta: { type: 'table', typeVersion: [0, 1] },
      columns: new Map([
        ['attributes', { as: 'json' as const }],
        ['count', { config: { unit: 'short' }, labels: { a: 'b' } }],
      ]),
    });
    const table = tableFromIPC(file);
    expect(table.batches.map((batch) => batch.numRows)).toEqual([1, 2]);
    expect(table.getChild('service')!.toArray()).toEqual(['cart', null, 'shop']);
    expect(Array.from(table.getChild('count')!)).toEqual([1n, 2n ** 64n - 1n, 0n]);
    expect(String(table.schema.fields[2]!.type)).toBe('Binary');
    expect(table.schema.fields[3]!.metadata.get('config')).toBe('{"unit":"short"}');
    expect(table.schema.metadata.get('refId')).toBe('B');
  });

  it.each<[string, DataType, RegExp]>([
    ['milliseconds', new TimestampMillisecond(), /column \(timestamp in milliseconds/],
    ['a date', new DateDay(), /column \(Date/],
    ['fixed binary', new FixedSizeBinary(16), /column \(FixedSizeBinary\[16\]/],
    ['a list', new List(new Field('item', new Int32())), /column \(List/],
    ['only NULLs', new Null(), /column \(Null/],
    ['a dictionary', new Dictionary(new Utf8(), new Uint8()), /column \(Dictionary/],
  ])('refuses by name what Grafana would misread: %s', (_name, type, message) => {
    expect(() => arrowStreamToFile(schemaOnlyStream(type), {})).toThrow(message);
    expect(() => arrowStreamToFrame(schemaOnlyStream(type), {})).toThrow(message);
  });

  it('gives a frame or an error for a stream cut or changed anywhere', () => {
    const bytes = stream();
    for (let cut = 0; cut < bytes.length; cut += 7) {
      try {
        arrowStreamToFile(bytes.subarray(0, cut), {});
      } catch (error) {
        expect(String(error)).toMatch(/GRAFANA_ARROW/);
      }
    }
    expect(() => arrowStreamToFile(new TextEncoder().encode('<html>Bad gateway</html>'), {})).toThrow(
      /GRAFANA_ARROW_INVALID/
    );
  });
});

describe('arrowStreamToFrame', () => {
  it('has the values, nanoseconds included', () => {
    const decoded = arrowStreamToFrame(stream(), { columns: new Map([['attributes', { as: 'json' }]]) });
    expect(
      decoded.fields.map((field) => [field.name, field.type, Array.from(field.values as ArrayLike<unknown>)])
    ).toEqual([
      ['time', 'time', [1_767_355_200_123_456_789n, 1n, 2n]],
      ['service', 'string', ['cart', null, 'shop']],
      ['attributes', 'json', [{ a: 1 }, {}, []]],
      ['count', 'uint64', [1n, 2n ** 64n - 1n, 0n]],
    ]);
  });
});

it('counts rows without reading columns', () => {
  expect(countRows(stream())).toBe(3);
});
