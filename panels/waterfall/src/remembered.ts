/** What a person has set for the waterfall and finds again: kept in the browser, for all traces. */
export interface Remembered {
  readonly treeWidth?: number;
  readonly rowHeight?: 'compact' | 'comfortable';
}

const KEY = 'throughline.waterfall';

export function readRemembered(): Remembered {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Remembered;
  } catch {
    return {};
  }
}

export function remember(changes: Remembered): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...readRemembered(), ...changes }));
  } catch {
    // A browser that keeps nothing still shows everything.
  }
}
