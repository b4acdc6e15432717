import { type MapPoint } from '@throughline/viz';

export type Pins = Readonly<Record<string, MapPoint>>;

export const NO_PINS: Pins = {};

/** Per browser, page and panel. */
export function pinsKey(panelId: number): string {
  return `throughline.topology.pins ${window.location.pathname} ${panelId}`;
}

export function loadPins(key: string): Pins {
  try {
    const saved: unknown = JSON.parse(window.localStorage.getItem(key) ?? '{}');
    if (typeof saved !== 'object' || saved === null) return NO_PINS;
    return Object.fromEntries(Object.entries(saved).filter(([, point]) => isPoint(point))) as Pins;
  } catch {
    return NO_PINS;
  }
}

/** A full or forbidden storage loses pins at the end of the session, no more. */
export function savePins(key: string, pins: Pins): void {
  try {
    if (Object.keys(pins).length === 0) window.localStorage.removeItem(key);
    else window.localStorage.setItem(key, JSON.stringify(pins));
  } catch {
    return;
  }
}

function isPoint(value: unknown): value is MapPoint {
  const { x, y } = (value ?? {}) as Partial<MapPoint>;
  return Number.isFinite(x) && Number.isFinite(y);
}
