import { FieldType, toDataFrame } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { readServiceMap } from './mapFrames.ts';
import { beforeFrame, mapFrames } from './testFrames.ts';

describe('frames of a service map', () => {
  it('become a graph with states and kinds', () => {
    const { graph, notices, hasFrames } = readServiceMap(
      mapFrames([
        { source: '@web', target: 'api', failed: 0.1 },
        { source: 'api', target: 'db', failed: 0.1 },
        { source: 'api', target: 'pay!', serverOnly: true },
      ]),
      ''
    );
    expect(graph.nodes.map(({ id, kind }) => [id, kind])).toEqual([
      ['@web', 'caller'],
      ['api', 'service'],
      ['db', 'database'],
      ['pay!', 'external'],
    ]);
    expect(graph.edges.map(({ id, bad, origin, evidence }) => [id, bad, origin, evidence])).toEqual([
      ['@web → api', 'failing', false, 'client and server'],
      ['api → db', 'failing', true, 'client and server'],
      ['api → pay!', 'ok', false, 'server'],
    ]);
    expect(notices).toEqual(['node-11 is silent']);
    expect(hasFrames).toBe(true);
  });

  it('tell what is slow where an overview is at hand', () => {
    const frames = mapFrames([
      { source: 'a', target: 'b', p95: 50e6 },
      { source: 'b', target: 'c', p95: 50e6 },
    ]);
    const { graph } = readServiceMap([...frames, beforeFrame({ 'a → b': 10e6, 'b → c': 45e6 })], '');
    expect(graph.edges.map(({ bad }) => bad)).toEqual(['slow', 'ok']);
  });

  it('are grouped by the namespace, by another field, or not', () => {
    const frames = mapFrames([{ source: 'a', target: 'b' }], { a: 'shop', b: 'pay' });
    const groupsBy = (field: string) => readServiceMap(frames, field).graph.nodes.map(({ group }) => group);
    expect(groupsBy('')).toEqual(['shop', 'pay']);
    expect(groupsBy('none')).toEqual(['', '']);
    expect(groupsBy('icon')).toEqual(['cube', 'cube']);
    expect(groupsBy('detail__zone')).toEqual(['', '']);
  });

  it('may be any node graph, with nodes that only edges name', () => {
    const edges = toDataFrame({
      fields: [
        { name: 'id', type: FieldType.string, values: ['1'] },
        { name: 'source', type: FieldType.string, values: ['x'] },
        { name: 'target', type: FieldType.string, values: ['y'] },
      ],
    });
    const { graph } = readServiceMap([edges], '');
    expect(graph.nodes.map(({ id, instrumented }) => [id, instrumented])).toEqual([
      ['x', true],
      ['y', true],
    ]);
    expect(graph.edges[0]).toMatchObject({ rate: 0, errorShare: 0, bad: 'ok' });
    expect(readServiceMap([], '').hasFrames).toBe(false);
  });

  it('give each data link once', () => {
    const [nodes, edges] = mapFrames([{ source: 'a', target: 'b' }]);
    const link = { title: 'Open', href: '/x', target: undefined, origin: nodes!.fields[0]! };
    for (const field of nodes!.fields.slice(0, 2))
      field.getLinks = ({ valueRowIndex }) => (valueRowIndex === 1 ? [link] : []);
    const { linksOf } = readServiceMap([nodes!, edges!], '');
    expect(linksOf('b').map(({ title }) => title)).toEqual(['Open']);
    expect(linksOf('a')).toEqual([]);
    expect(linksOf('gone')).toEqual([]);
  });
});
