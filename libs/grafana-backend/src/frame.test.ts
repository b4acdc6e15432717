import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { encodeArrowFrame } from './arrowFrame.ts';
import { type Frame } from './frame.ts';
import { encodeJsonFrame } from './jsonFrame.ts';

const noon = 1_767_355_200_123_456_789n;

const everyType: Frame = {
  name: 'all',
  refId: 'A',
  meta: { type: 'table', typeVersion: [0, 1] },
  fields: [
    { name: 'time', type: 'time', values: [noon, -1n] },
    { name: 'text', type: 'string', nullable: true, values: ['grüße 🚀', null], labels: { service: 'a"b' } },
    { name: 'flag', type: 'boolean', values: [true, false] },
    { name: 'json', type: 'json', nullable: true, values: [[{ key: 'k', value: 1 }], null] },
    { name: 'kind', type: 'enum', values: [1, 0], config: { type: { enum: { text: ['off', 'on'] } } } },
    { name: 'float', type: 'float64', nullable: true, values: [Number.NaN, null], config: { unit: 's' } },
    { name: 'small', type: 'int8', values: [-128, 127] },
    { name: 'signed', type: 'int64', values: [-(2n ** 63n), 2n ** 63n - 1n] },
    { name: 'unsigned', type: 'uint64', values: [2n ** 64n - 1n, 0n] },
  ],
};

describe('encodeArrowFrame', () => {
  it('writes an Arrow file that an Arrow reader reads back, nanoseconds and 64 bit integers included', () => {
    const bytes = encodeArrowFrame(everyType);
    expect(new TextDecoder().decode(bytes.subarray(0, 6))).toBe('ARROW1');
    const table = tableFromIPC(bytes);
    expect(table.schema.metadata.get('name')).toBe('all');
    expect(JSON.parse(table.schema.metadata.get('meta')!)).toEqual(everyType.meta);
    expect(table.schema.fields.map((field) => `${field.name} ${field.type} ${field.nullable}`)).toEqual([
      'time Timestamp<NANOSECOND> false',
      'text Utf8 true',
      'flag Bool false',
      'json Binary true',
      'kind Uint16 false',
      'float Float64 true',
      'small Int8 false',
      'signed Int64 false',
      'unsigned Uint64 false',
    ]);
    expect(Array.from(table.getChild('time')!.data[0]!.values as BigInt64Array)).toEqual([noon, -1n]);
    expect(table.getChild('text')!.toArray()).toEqual(['grüße 🚀', null]);
    expect(Array.from(table.getChild('flag')!)).toEqual([true, false]);
    expect(new TextDecoder().decode(table.getChild('json')!.get(0) as Uint8Array)).toBe('[{"key":"k","value":1}]');
    expect(table.getChild('json')!.get(1)).toBeNull();
    expect(Array.from(table.getChild('signed')!)).toEqual([-(2n ** 63n), 2n ** 63n - 1n]);
    expect(Array.from(table.getChild('unsigned')!)).toEqual([2n ** 64n - 1n, 0n]);
    expect(table.schema.fields[1]!.metadata.get('labels')).toBe('{"service":"a\\"b"}');
    expect(table.schema.fields[4]!.metadata.get('tstype')).toBe('enum');
  });

  it('keeps frames without rows', () => {
    const table = tableFromIPC(encodeArrowFrame({ fields: [{ name: 'x', type: 'string', values: [] }] }));
    expect(table.numRows).toBe(0);
    expect(table.numCols).toBe(1);
  });

  it.each<[string, Frame]>([
    [
      'lengths differ',
      {
        fields: [
          { name: 'a', type: 'int8', values: [1] },
          { name: 'b', type: 'int8', values: [] },
        ],
      },
    ],
    ['null where none may be', { fields: [{ name: 'a', type: 'string', values: [null] }] }],
  ])('refuses what the host cannot decode: %s', (_name, frame) => {
    expect(() => encodeArrowFrame(frame)).toThrow(/GRAFANA_FRAME_INVALID: field/);
    expect(() => encodeJsonFrame(frame)).toThrow(/GRAFANA_FRAME_INVALID: field/);
  });
});

describe('encodeJsonFrame', () => {
  it('writes what the Go SDK writes', () => {
    // Oracle: grafana-plugin-sdk-go v0.296.3, data.UnmarshalArrowFrame of the Arrow form, then MarshalJSON.
    expect(encodeJsonFrame(everyType)).toBe(
      '{"schema":{"name":"all","refId":"A","meta":{"typeVersion":[0,1],"type":"table"},"fields":[' +
        '{"name":"time","type":"time","typeInfo":{"frame":"time.Time"}},' +
        '{"name":"text","type":"string","typeInfo":{"frame":"string","nullable":true},"labels":{"service":"a\\"b"}},' +
        '{"name":"flag","type":"boolean","typeInfo":{"frame":"bool"}},' +
        '{"name":"json","type":"other","typeInfo":{"frame":"json.RawMessage","nullable":true}},' +
        '{"name":"kind","type":"enum","typeInfo":{"frame":"enum"},"config":{"type":{"enum":{"text":["off","on"]}}}},' +
        '{"name":"float","type":"number","typeInfo":{"frame":"float64","nullable":true},"config":{"unit":"s"}},' +
        '{"name":"small","type":"number","typeInfo":{"frame":"int8"}},' +
        '{"name":"signed","type":"number","typeInfo":{"frame":"int64"}},' +
        '{"name":"unsigned","type":"number","typeInfo":{"frame":"uint64"}}]},' +
        '"data":{"values":[[1767355200123,-1],["grüße 🚀",null],[true,false],[[{"key":"k","value":1}],null],[1,0],' +
        '[null,null],[-128,127],[-9223372036854775808,9223372036854775807],[18446744073709551615,0]],' +
        '"entities":[null,null,null,null,null,{"NaN":[0]},null,null,null],' +
        '"nanos":[[456789,999999],null,null,null,null,null,null,null,null]}}'
    );
  });
});
