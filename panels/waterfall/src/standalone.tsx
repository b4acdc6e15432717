import {
  type DataFrameJSON,
  dataFrameFromJSON,
  FieldType,
  getDefaultTimeRange,
  getThemeById,
  LoadingState,
  type PanelProps,
  ThemeContext,
  toDataFrame,
} from '@grafana/data';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { DEFAULT_OPTIONS, type WaterfallOptions } from './options.ts';
import { WaterfallPanel } from './WaterfallPanel.tsx';

/** The panel alone on a page, without a host: what benches measure. No part of the plugin. */
export interface Standalone {
  /** Shows the frames of an answer to a query. */
  show(frames: readonly DataFrameJSON[], theme: 'dark' | 'light'): void;
  /** Shows columns that are already in memory: a number is a time or a duration, an array is JSON. */
  showColumns(columns: Readonly<Record<string, unknown[]>>, theme: 'dark' | 'light'): void;
}

const root = createRoot(document.body.appendChild(document.createElement('div')));

function render(series: PanelProps['data']['series'], themeName: 'dark' | 'light'): void {
  const theme = getThemeById(themeName);
  document.body.style.cssText = `margin:0;overflow:hidden;color:${theme.colors.text.primary};background:${theme.colors.background.primary};font:${theme.typography.fontSize}px/1.57 ${theme.typography.fontFamily}`;
  document.documentElement.style.colorScheme = themeName;
  const timeRange = getDefaultTimeRange();
  const props = {
    data: { series, state: LoadingState.Done, timeRange },
    options: DEFAULT_OPTIONS,
    width: innerWidth,
    height: innerHeight,
    timeRange,
  };
  flushSync(() =>
    root.render(
      <ThemeContext.Provider value={theme}>
        <WaterfallPanel {...(props as unknown as PanelProps<WaterfallOptions>)} />
      </ThemeContext.Provider>
    )
  );
}

const standalone: Standalone = {
  show: (frames, theme) =>
    render(
      frames.map((frame) => dataFrameFromJSON(frame)),
      theme
    ),
  showColumns: (columns, theme) => {
    const fields = Object.entries(columns).map(([name, values]) => ({ name, type: FieldType.other, values }));
    render([toDataFrame({ name: 'trace', fields })], theme);
  },
};
Object.assign(globalThis, { standalone });
