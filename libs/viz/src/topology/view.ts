/** Where the map lies on the screen: screen = map × scale + offset. */
export interface MapView {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface MapSize {
  readonly width: number;
  readonly height: number;
}

export interface MapBox extends MapSize {
  readonly x: number;
  readonly y: number;
}

export const LEAST_SCALE = 0.04;
export const MOST_SCALE = 3;

/** The whole of `bounds`, in the middle; never larger than life by more than `mostScale`. */
export function fitView(bounds: MapBox, { width, height }: MapSize, padding = 22, mostScale = 1.15): MapView {
  if (bounds.width <= 0 || bounds.height <= 0 || width <= 0 || height <= 0) return { scale: 1, x: 0, y: 0 };
  const room = { width: Math.max(40, width - 2 * padding), height: Math.max(40, height - 2 * padding) };
  const scale = Math.max(LEAST_SCALE, Math.min(mostScale, room.width / bounds.width, room.height / bounds.height));
  return {
    scale,
    x: width / 2 - (bounds.x + bounds.width / 2) * scale,
    y: height / 2 - (bounds.y + bounds.height / 2) * scale,
  };
}

/** Larger or smaller; the point under the pointer stays where it is. */
export function zoomMap(view: MapView, factor: number, x: number, y: number): MapView {
  const scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
}

export function toMap(view: MapView, x: number, y: number): { x: number; y: number } {
  return { x: (x - view.x) / view.scale, y: (y - view.y) / view.scale };
}

/** The least move that brings a point of the map into sight. */
export function revealPoint(view: MapView, { width, height }: MapSize, x: number, y: number, margin = 60): MapView {
  const [left, top] = [x * view.scale + view.x, y * view.scale + view.y];
  const push = (at: number, room: number): number => {
    const edge = Math.min(margin, room / 2);
    return at < edge ? edge - at : at > room - edge ? room - edge - at : 0;
  };
  return { scale: view.scale, x: view.x + push(left, width), y: view.y + push(top, height) };
}
