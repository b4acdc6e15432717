import { useCallback, useEffect, useMemo, useState } from 'react';
import {
  buildRows,
  buildTraceModel,
  criticalPath,
  DEFAULT_VIEW,
  errorSpans,
  findSpans,
  panTo,
  pathByRow,
  reveal,
  stepSpan,
  type TimeRangeNs,
  type TraceColumns,
  type TraceLayer,
  type TraceModel,
  type WaterfallRow,
  type WaterfallRows,
  type WaterfallView,
} from '@throughline/viz';
import { type WaterfallOptions } from './options.ts';
import { indexOfKey, rowKey, spanKey, spanOf } from './rowKeys.ts';

export interface Waterfall {
  readonly model: TraceModel;
  readonly built: WaterfallRows;
  readonly path: ReturnType<typeof criticalPath>;
  readonly pathByRow: ReadonlyMap<number, readonly number[]>;
  readonly view: WaterfallView;
  readonly whole: TimeRangeNs;
  readonly range: TimeRangeNs;
  readonly selectedRow: number;
  readonly selectedSpan: number | undefined;
  /** Span whose drawer is open. */
  readonly openSpan: number | undefined;
  readonly query: string;
  readonly found: readonly number[];
  readonly errors: readonly number[];
  readonly select: (row: WaterfallRow) => void;
  readonly selectIndex: (index: number) => void;
  readonly showSpan: (span: number, open: boolean) => void;
  readonly open: (row: WaterfallRow) => void;
  readonly closeDrawer: () => void;
  readonly toggle: (row: WaterfallRow, open?: boolean) => void;
  readonly setLayer: (layer: TraceLayer, shown: boolean) => void;
  readonly setMinProbability: (probability: number) => void;
  readonly setQuery: (query: string) => void;
  readonly stepFound: (by: 1 | -1) => void;
  readonly stepError: (by: 1 | -1) => void;
  readonly setRange: (range: TimeRangeNs) => void;
  /** Moves the window by a share of its length. */
  readonly pan: (share: number) => void;
  readonly zoomTo: (range: TimeRangeNs) => void;
  /** Undoes the last zoom; false where there is none. */
  readonly zoomBack: () => boolean;
}

interface Selection {
  readonly key: string | undefined;
  readonly openSpan: number | undefined;
}

/** State of one trace on screen: what is shown, selected, open and zoomed to. */
export function useWaterfall(columns: TraceColumns, options: WaterfallOptions, initialSpanId?: string): Waterfall {
  const model = useMemo(() => buildTraceModel(columns), [columns]);
  const path = useMemo(() => criticalPath(model), [model]);
  const errors = useMemo(() => errorSpans(model), [model]);
  const [view, setView] = useState<WaterfallView>(() => initialView(options));
  const [selection, setSelection] = useState<Selection>({ key: undefined, openSpan: undefined });
  const [query, setQuery] = useState('');
  const whole = useMemo(() => ({ fromNs: 0, toNs: Math.max(1, model.durationNs) }), [model]);
  const [zoom, setZoom] = useState<readonly TimeRangeNs[]>([]);

  // Another trace starts afresh; the same one, fetched again, keeps what was chosen by place.
  const [shownTrace, setShownTrace] = useState<string>();
  if (shownTrace !== model.traceId) {
    setShownTrace(model.traceId);
    setZoom([]);
    const span = initialSpanId === undefined ? -1 : model.spanIds.indexOf(initialSpanId);
    const start = initialView(options);
    setView(span === -1 ? start : reveal(model, start, span));
    setSelection(span === -1 ? { key: undefined, openSpan: undefined } : { key: spanKey(span), openSpan: span });
  }
  // The panel's editor shows what an option does at once.
  const { hopStrips } = options;
  const { application, process, network } = options.layers;
  useEffect(() => {
    setView((before) => ({ ...before, hopStrips, layers: { application, process, network } }));
  }, [application, process, network, hopStrips]);

  const built = useMemo(() => buildRows(model, view), [model, view]);
  const onPath = useMemo(() => pathByRow(path, built.shownAt), [path, built]);
  const found = useMemo(() => findSpans(model, query), [model, query]);
  const openSpan =
    selection.openSpan !== undefined && selection.openSpan < model.count ? selection.openSpan : undefined;
  const selectedRow = indexOfKey(built, selection.key);
  const selectedSpan = spanOf(built.rows[selectedRow]);

  const select = useCallback((row: WaterfallRow) => {
    // An open drawer follows the selection.
    setSelection(({ openSpan }) => ({
      key: rowKey(row),
      openSpan: openSpan === undefined ? undefined : (spanOf(row) ?? openSpan),
    }));
  }, []);
  const selectIndex = useCallback(
    (index: number) => {
      const row = built.rows[Math.min(built.rows.length - 1, Math.max(0, index))];
      if (row) select(row);
    },
    [built, select]
  );
  const showSpan = useCallback(
    (span: number, open: boolean) => {
      setView((before) => reveal(model, before, span));
      setSelection(({ openSpan }) => ({
        key: spanKey(span),
        openSpan: open || openSpan !== undefined ? span : undefined,
      }));
    },
    [model]
  );
  const toggle = useCallback(
    (row: WaterfallRow, open?: boolean) => setView((before) => toggled(before, row, open)),
    []
  );
  const open = useCallback(
    (row: WaterfallRow) => {
      if (row.kind === 'span' || row.kind === 'unexplained' || row.kind === 'hop') {
        setSelection({ key: rowKey(row), openSpan: row.span });
      } else {
        select(row);
        toggle(row);
      }
    },
    [select, toggle]
  );
  const closeDrawer = useCallback(() => setSelection(({ key }) => ({ key, openSpan: undefined })), []);
  const setLayer = useCallback((layer: TraceLayer, shown: boolean) => {
    setView((before) => ({ ...before, layers: { ...before.layers, [layer]: shown } }));
  }, []);
  const setMinProbability = useCallback((minProbability: number) => {
    setView((before) => ({ ...before, minProbability }));
  }, []);
  const stepFound = (by: 1 | -1): void => {
    const next = stepSpan(found, selectedSpan, by);
    if (next !== undefined) showSpan(next, false);
  };
  const stepError = (by: 1 | -1): void => {
    const next = stepSpan(errors, selectedSpan, by);
    if (next !== undefined) showSpan(next, false);
  };
  const setRange = useCallback(
    (range: TimeRangeNs) => setZoom((before) => (before.length === 0 ? [range] : [...before.slice(0, -1), range])),
    []
  );
  const pan = (share: number): void => {
    const range = zoom.at(-1) ?? whole;
    const by = (range.toNs - range.fromNs) * share;
    setRange(panTo({ fromNs: range.fromNs + by, toNs: range.toNs + by }, whole));
  };
  const zoomTo = useCallback((range: TimeRangeNs) => setZoom((before) => [...before, range]), []);
  const zoomBack = (): boolean => {
    if (zoom.length === 0) return false;
    setZoom(zoom.slice(0, -1));
    return true;
  };
  return {
    model,
    built,
    path,
    pathByRow: onPath,
    view,
    whole,
    range: zoom.at(-1) ?? whole,
    selectedRow,
    selectedSpan,
    openSpan,
    query,
    found,
    errors,
    select,
    selectIndex,
    showSpan,
    open,
    closeDrawer,
    toggle,
    setLayer,
    setMinProbability,
    setQuery,
    stepFound,
    stepError,
    setRange,
    pan,
    zoomTo,
    zoomBack,
  };
}

function initialView({ layers, hopStrips }: WaterfallOptions): WaterfallView {
  return { ...DEFAULT_VIEW, hopStrips, layers };
}

function toggled(view: WaterfallView, row: WaterfallRow, wanted?: boolean): WaterfallView {
  switch (row.kind) {
    case 'span': {
      const open = wanted ?? !row.expanded;
      const collapsed = new Set(view.collapsed);
      const opened = new Set(view.opened);
      if (open) {
        collapsed.delete(row.span);
        opened.add(row.span);
      } else {
        collapsed.add(row.span);
        opened.delete(row.span);
      }
      return { ...view, collapsed, opened };
    }
    case 'fold': {
      const folds = new Map(view.folds);
      if (wanted ?? !row.expanded) folds.set(row.key, 1);
      else folds.delete(row.key);
      return { ...view, folds };
    }
    case 'more':
      return { ...view, folds: new Map(view.folds).set(row.key, (view.folds.get(row.key) ?? 1) + 1) };
    case 'strip': {
      const lenses = new Set(view.lenses);
      if (wanted ?? !row.expanded) lenses.add(row.span);
      else lenses.delete(row.span);
      return { ...view, lenses };
    }
    case 'hop':
    case 'unexplained':
    case 'tray':
      return view;
  }
}
