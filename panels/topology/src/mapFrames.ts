import { type DataFrame, type Field, type LinkModel } from '@grafana/data';
import { type ComparisonCustom, mapEdgesFrame, mapNodesFrame, overviewEdgesFrame } from '@throughline/query';
import { readRows, type RowOf } from '@throughline/ui';
import {
  buildGraph,
  type EdgeFigures,
  edgeId,
  isSlow,
  kindOf,
  type TopologyGraph,
  type TopologyNode,
} from '@throughline/viz';

export type NodeRow = RowOf<typeof mapNodesFrame>;
export type EdgeRow = RowOf<typeof mapEdgesFrame>;

/** What the panel makes of its frames. */
export interface ServiceMapData {
  readonly graph: TopologyGraph;
  readonly edgeRow: ReadonlyMap<string, EdgeRow>;
  /** Data links of the frames' fields for a node or an edge. */
  readonly linksOf: (id: string) => readonly LinkModel<Field>[];
  /** Notices of the backend: what is missing, what was cut. */
  readonly notices: readonly string[];
  readonly hasFrames: boolean;
}

const GROUP_FIELDS = ['detail__namespace', 'detail__group', 'detail__node', 'detail__zone'];

/** Reads the nodes and edges of a service map, or of any node graph; what only ours has is missing then. */
export function readServiceMap(series: readonly DataFrame[], groupBy: string): ServiceMapData {
  const has = (frame: DataFrame, ...names: readonly string[]): boolean =>
    names.every((name) => frame.fields.some((field) => field.name === name));
  const isGraph = (frame: DataFrame): boolean => frame.meta?.preferredVisualisationType === 'nodeGraph';
  const edgeFrames = series.filter((frame) => has(frame, 'id', 'source', 'target') && !has(frame, 'side'));
  const nodeFrames = series.filter(
    (frame) => has(frame, 'id') && !has(frame, 'source') && (isGraph(frame) || frame.name === 'nodes')
  );
  const edgeRows = edgeFrames.flatMap((frame) => readRows(frame, mapEdgesFrame));
  const isCalled = new Set(edgeRows.map(({ target }) => target));
  const named = new Map<string, TopologyNode>();
  for (const frame of nodeFrames) {
    const groups = groupsOf(frame, groupBy);
    const knowsAgents = has(frame, 'isInstrumented');
    readRows(frame, mapNodesFrame).forEach((row, index) => {
      named.set(
        row.id,
        toNode(row, knowsAgents ? row.isInstrumented : true, groups?.[index] ?? '', isCalled.has(row.id))
      );
    });
  }
  // A node graph may name nodes in its edges only.
  for (const id of edgeRows.flatMap(({ source, target }) => [source, target])) {
    if (!named.has(id)) named.set(id, bareNode(id));
  }
  const before = readBefore(series.filter((frame) => has(frame, 'side', 'p95Before') && !has(frame, 'endpoint')));
  const figures = edgeRows.map((row): EdgeFigures => {
    const compared = before.get(edgeId(row.source, row.target));
    return {
      source: row.source,
      target: row.target,
      rate: Number(row.mainstat) || 0,
      errorShare: failedShare(row),
      p95: row.secondarystat,
      ...compared,
      protocols: row.detail__protocols,
      evidence: row.detail__evidence,
    };
  });
  return {
    graph: buildGraph([...named.values()], figures),
    edgeRow: new Map(edgeRows.map((row) => [edgeId(row.source, row.target), row])),
    linksOf: linkReader(nodeFrames, edgeFrames),
    notices: [...new Set(series.flatMap(({ meta }) => meta?.notices ?? []).map(({ text }) => text))],
    hasFrames: nodeFrames.length > 0 || edgeFrames.length > 0,
  };
}

function groupsOf(frame: DataFrame, groupBy: string): string[] | undefined {
  if (groupBy === 'none') return undefined;
  const names = groupBy === '' ? GROUP_FIELDS : [groupBy];
  const field = names.map((name) => frame.fields.find((each) => each.name === name)).find(Boolean);
  return field?.values.map((value: unknown) => (value == null ? '' : String(value)));
}

function toNode(row: NodeRow, instrumented: boolean, group: string, isCalled: boolean): TopologyNode {
  return {
    id: row.id,
    name: row.title || row.id,
    kind: kindOf(row.subtitle.split(/[\s,]+/), row.icon, instrumented, isCalled),
    icon: row.icon,
    group,
    rate: row.mainstat,
    errorShare: row.arc__error,
    p95: row.secondarystat,
    requests: row.detail__requests,
    errors: row.detail__errors,
    instrumented,
    members: 1,
  };
}

function bareNode(id: string): TopologyNode {
  return {
    id,
    name: id,
    kind: 'service',
    icon: 'cube',
    group: '',
    rate: null,
    errorShare: 0,
    p95: null,
    requests: 0,
    errors: 0,
    instrumented: true,
    members: 1,
  };
}

/** The worse of both views: a call that either side saw fail has failed. */
function failedShare(row: EdgeRow): number {
  const share = (errors: number | null, requests: number | null): number => (requests ? (errors ?? 0) / requests : 0);
  return Math.max(
    share(row.detail__client_errors, row.detail__client_requests),
    share(row.detail__server_errors, row.detail__server_requests)
  );
}

interface Before {
  readonly p95Before: number | null;
  readonly isSlow: boolean;
}

/** The window before, of the client's side where both saw the calls, as the map's own figures. */
function readBefore(frames: readonly DataFrame[]): ReadonlyMap<string, Before> {
  const before = new Map<string, Before>();
  for (const frame of frames) {
    const { nowFromMs = 0, nowToMs = 0 } = (frame.meta?.custom ?? {}) as Partial<ComparisonCustom>;
    const seconds = Math.max(1, (nowToMs - nowFromMs) / 1_000);
    for (const row of readRows(frame, overviewEdgesFrame)) {
      const id = edgeId(row.source, row.target);
      if (row.side !== 'client' && before.has(id)) continue;
      before.set(id, { p95Before: row.p95Before, isSlow: isSlow(row, seconds) });
    }
  }
  return before;
}

function linkReader(
  nodeFrames: readonly DataFrame[],
  edgeFrames: readonly DataFrame[]
): (id: string) => readonly LinkModel<Field>[] {
  const places = new Map<string, { readonly frame: DataFrame; readonly row: number }>();
  const put = (frame: DataFrame, idAt: (row: number) => string): void => {
    for (let row = 0; row < frame.length; row++) places.set(idAt(row), { frame, row });
  };
  const columnOf = (frame: DataFrame, name: string): unknown[] =>
    frame.fields.find((field) => field.name === name)!.values;
  for (const frame of nodeFrames) {
    const ids = columnOf(frame, 'id');
    put(frame, (row) => String(ids[row]));
  }
  for (const frame of edgeFrames) {
    const [sources, targets] = [columnOf(frame, 'source'), columnOf(frame, 'target')];
    put(frame, (row) => edgeId(String(sources[row]), String(targets[row])));
  }
  return (id) => {
    const place = places.get(id);
    if (!place) return [];
    const links = place.frame.fields.flatMap((field) => field.getLinks?.({ valueRowIndex: place.row }) ?? []);
    return links.filter(
      (link, index) => links.findIndex(({ href, title }) => href === link.href && title === link.title) === index
    );
  };
}
