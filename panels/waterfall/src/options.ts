import { type TraceLayer } from '@throughline/viz';

export interface WaterfallOptions {
  readonly showFinding: boolean;
  /** Shown at first. */
  readonly layers: Readonly<Record<TraceLayer, boolean>>;
  readonly rowHeight: 'compact' | 'comfortable';
  readonly hopStrips: boolean;
  readonly syncUrl: boolean;
}

export const DEFAULT_OPTIONS: WaterfallOptions = {
  showFinding: true,
  layers: { application: true, process: true, network: true },
  rowHeight: 'compact',
  hopStrips: true,
  syncUrl: false,
};

/** Options as saved, perhaps by an older version, with defaults for what they lack. */
export function completeOptions(saved: Partial<WaterfallOptions>): WaterfallOptions {
  return { ...DEFAULT_OPTIONS, ...saved, layers: { ...DEFAULT_OPTIONS.layers, ...saved.layers } };
}
