import { type HopPoint, type TraceModel } from './model.ts';

/** Where a segment of the way lies: in a host's network stack, in a host, between hosts, or in the process that answers. */
export type SegmentPlace = 'clientStack' | 'host' | 'wire' | 'serverStack' | 'server' | 'beyond';

/** Time in one direction. With hosts apart by their clocks' doubt, what is known is a bound. */
export interface DirectionTime {
  /** Never negative; undefined where that packet was not seen. */
  readonly ns: number | undefined;
  /** True where the clocks' doubt is above the time: it is at most `ns`. */
  readonly atMost: boolean;
}

export interface WaySegment {
  readonly place: SegmentPlace;
  /** "eth0 → veth3a", "checkout", "beyond eth0". */
  readonly label: string;
  readonly host: string;
  readonly request: DirectionTime;
  readonly response: DirectionTime;
  /** Both directions; the clocks' difference cancels out, so that this is exact. Undefined without an answer. */
  readonly bothNs: number | undefined;
  readonly retransmissions: number;
}

/**
 * The way of a call in segments: one between each two points, and the last, which is the time at the far end. Both
 * directions of all segments are together as long as the answer took at the first point.
 */
export function waySegments(points: readonly HopPoint[]): readonly WaySegment[] {
  const segments: WaySegment[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const from = points[i]!;
    const to = points[i + 1]!;
    const doubt = Math.max(from.clockUncertaintyNs ?? 0, to.clockUncertaintyNs ?? 0);
    const apart = from.host !== to.host;
    const there = to.requestNs - from.requestNs;
    const back =
      from.responseNs === undefined || to.responseNs === undefined ? undefined : from.responseNs - to.responseNs;
    const bothNs = back === undefined ? undefined : Math.max(0, there + back);
    segments.push({
      place: placeOf(from, to),
      label: `${from.point} → ${to.point}`,
      host: apart ? `${from.host} → ${to.host}` : from.host,
      request: direction(there, apart ? doubt : 0, bothNs),
      response: direction(back, apart ? doubt : 0, bothNs),
      bothNs,
      retransmissions: Math.max(0, to.retransmissions - from.retransmissions),
    });
  }
  const last = points.at(-1);
  if (last !== undefined) {
    const server = last.kind === 'process';
    const bothNs = last.responseNs === undefined ? undefined : Math.max(0, last.responseNs - last.requestNs);
    segments.push({
      place: server ? 'server' : 'beyond',
      label: server ? last.point : `beyond ${last.point}`,
      host: last.host,
      request: { ns: undefined, atMost: false },
      response: { ns: undefined, atMost: false },
      bothNs,
      retransmissions: 0,
    });
  }
  return segments;
}

function placeOf(from: HopPoint, to: HopPoint): SegmentPlace {
  if (from.host !== to.host) return 'wire';
  if (from.kind === 'process') return 'clientStack';
  return to.kind === 'process' ? 'serverStack' : 'host';
}

function direction(ns: number | undefined, doubt: number, bothNs: number | undefined): DirectionTime {
  if (ns === undefined) return { ns: undefined, atMost: false };
  if (doubt === 0 || ns > doubt) return { ns: Math.max(0, ns), atMost: false };
  // Neither direction can be longer than both together.
  return { ns: Math.min(Math.max(0, ns) + doubt, bothNs ?? Infinity), atMost: true };
}

export interface WayTimes {
  /** Between the interfaces: hosts and wire. */
  readonly networkNs: number;
  /** Between the processes and their first interface: sockets, queues, waiting for the processor. */
  readonly stacksNs: number;
}

/**
 * Time on the way of a call, both directions; undefined where the answer or the far end was not seen, or fewer than two
 * interfaces saw it. The network is told from the stacks: a process that waits for its processor is no fault of the wire.
 */
export function wayTimes(points: readonly HopPoint[]): WayTimes | undefined {
  const segments = waySegments(points);
  const all = betweenTime(points);
  if (all === undefined) return undefined;
  let networkNs: number | undefined;
  for (const { place, bothNs } of segments) {
    if (place === 'host' || place === 'wire') networkNs = (networkNs ?? 0) + bothNs!;
  }
  return networkNs === undefined ? undefined : { networkNs, stacksNs: all - networkNs };
}

/** Time between the processes of a call, both directions: network and stacks together. */
export function betweenTime(points: readonly HopPoint[]): number | undefined {
  const segments = waySegments(points);
  if (segments.length < 2) return undefined;
  let sum = 0;
  for (const { place, bothNs } of segments) {
    if (place === 'server' || place === 'beyond') continue;
    if (bothNs === undefined) return undefined;
    sum += bothNs;
  }
  return sum;
}

const PLACE_WORDS: Readonly<Record<SegmentPlace, string>> = {
  clientStack: 'client stack',
  host: 'host',
  wire: 'wire',
  serverStack: 'server stack',
  server: 'server process',
  beyond: 'beyond',
};

export function placeWords(place: SegmentPlace): string {
  return PLACE_WORDS[place];
}

/** A cell of the strip: a name that fits, and the time. */
export interface StripCell {
  readonly name: string;
  readonly ns: number | undefined;
  /** Set on the ends: whose colour the cell carries. */
  readonly service: string | undefined;
  /** The slowest of the network's cells. */
  readonly slowest: boolean;
}

const SHORT_PLACES: Readonly<Record<SegmentPlace, string>> = {
  ...PLACE_WORDS,
  clientStack: 'stack',
  serverStack: 'stack',
};

/** Five cells mostly: what lies between two interfaces of one host is one cell, however many it passes. */
export function stripCells(points: readonly HopPoint[]): readonly StripCell[] {
  const cells: { place: SegmentPlace; ns: number | undefined }[] = [];
  for (const { place, bothNs, request } of waySegments(points)) {
    const ns = bothNs ?? request.ns;
    const before = cells.at(-1);
    if (before?.place === place) before.ns = before.ns === undefined || ns === undefined ? undefined : before.ns + ns;
    else cells.push({ place, ns });
  }
  let slowest = -1;
  for (let i = 0; i + 1 < cells.length; i++) {
    if ((cells[i]!.ns ?? 0) > (cells[slowest]?.ns ?? 0)) slowest = i;
  }
  return cells.map(({ place, ns }, i) => {
    const end = place === 'clientStack' || place === 'server';
    const point = place === 'clientStack' ? points[0]! : points.at(-1)!;
    const name = end ? point.point : place === 'beyond' ? `beyond ${point.point}` : SHORT_PLACES[place];
    return { name, ns, service: end ? point.point : undefined, slowest: i === slowest };
  });
}

/** The largest doubt between the clocks of the hosts in a trace; 0 where one host saw everything. */
export function clockUncertainty({ hops }: TraceModel): number {
  let most = 0;
  for (const points of hops.values()) {
    for (const { clockUncertaintyNs } of points) most = Math.max(most, clockUncertaintyNs ?? 0);
  }
  return most;
}
