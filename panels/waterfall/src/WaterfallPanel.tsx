import { css } from '@emotion/css';
import { type GrafanaTheme2, LoadingState, type PanelProps } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { Icon, useStyles2, useTheme2 } from '@grafana/ui';
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { formatCount, MAX_ROWS, plural } from '@throughline/viz';
import { waterfallColours } from './colours.ts';
import { FindingHeader } from './FindingHeader.tsx';
import { KEYS, onWaterfallKey } from './keys.ts';
import { completeOptions, type WaterfallOptions } from './options.ts';
import { readRemembered, remember } from './remembered.ts';
import { SpanDrawer } from './SpanDrawer.tsx';
import { Toolbar } from './Toolbar.tsx';
import { readTrace, type TraceInput } from './traceFrames.ts';
import { useWaterfall, type Waterfall } from './useWaterfall.ts';
import { WaterfallBody } from './WaterfallBody.tsx';

const NARROW = 600;
/** From this width the drawer stands beside the rows. */
const SIDE_DRAWER = 900;
const DRAWER_WIDTH = 400;
/** … else it covers this share of them from below. */
const SHEET_SHARE = 0.6;
const FOOTER_HEIGHT = 22;
const ROW_HEIGHTS = { compact: 18, comfortable: 24, narrow: 26 } as const;
const URL_KEY = 'spanId';

export function WaterfallPanel({ data, options, width, height }: PanelProps<WaterfallOptions>) {
  const { series, state } = data;
  const trace = useMemo(() => readTrace(series), [series]);
  const settings = completeOptions(options);
  const problem = data.errors?.[0]?.message ?? data.error?.message;
  if (trace === undefined) {
    return (
      <div style={{ width, height }}>
        <Nothing loading={state === LoadingState.Loading} problem={problem} otherData={series.length > 0} />
      </div>
    );
  }
  return (
    <TraceView
      {...{ trace, width, height }}
      options={settings}
      notice={problem ?? (state === LoadingState.Loading ? 'Reading it again …' : undefined)}
    />
  );
}

interface NothingProps {
  readonly loading: boolean;
  readonly problem: string | undefined;
  readonly otherData: boolean;
}

/** No trace: awaited, failed, or not there, and what to do. */
function Nothing({ loading, problem, otherData }: NothingProps) {
  const styles = useStyles2(getStyles);
  if (problem !== undefined) {
    return (
      <Message title="The trace could not be read" failed>
        <p>{problem}</p>
        <p>Refresh to try again; the query inspector has the whole answer.</p>
      </Message>
    );
  }
  if (loading) {
    return (
      <div className={styles.skeleton} role="status" aria-label="Reading the spans of the trace">
        <span>Reading the spans of the trace …</span>
        {[92, 60, 74, 48, 66, 35].map((width, index) => (
          <i key={index} style={{ width: `${width}%`, marginLeft: `${index * 2}%` }} />
        ))}
      </div>
    );
  }
  return (
    <Message title="No trace here">
      {otherData ? (
        <p>The query answers something else than spans. Choose the query type that reads one trace by its id.</p>
      ) : (
        <p>The query answered no spans: the id may be wrong, the trace past its retention, or not sampled.</p>
      )}
      <p>Check the trace id, widen the time range, or search for traces around the time.</p>
    </Message>
  );
}

function Message({ title, failed = false, children }: { title: string; failed?: boolean; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.message} role={failed ? 'alert' : 'status'}>
      <h3 className={failed ? styles.failed : undefined}>
        {failed && <Icon name="exclamation-circle" />} {title}
      </h3>
      {children}
    </div>
  );
}

interface TraceViewProps {
  readonly trace: TraceInput;
  readonly options: WaterfallOptions;
  readonly width: number;
  readonly height: number;
  readonly notice: string | undefined;
}

function TraceView({ trace, options, width, height, notice }: TraceViewProps) {
  const styles = useStyles2(getStyles);
  const theme = useTheme2();
  const initialSpan = useRef(options.syncUrl ? spanFromUrl() : undefined);
  const waterfall = useWaterfall(trace.columns, options, initialSpan.current);
  const { model, openSpan } = waterfall;
  const scrollRef = useRef<HTMLDivElement>(null);
  const findRef = useRef<HTMLInputElement>(null);
  const layersRef = useRef<HTMLButtonElement>(null);
  const [helpShown, setHelpShown] = useState(false);
  const [kept, setKept] = useState(() => readRemembered());
  const keep = (changes: typeof kept): void => {
    setKept((before) => ({ ...before, ...changes }));
    remember(changes);
  };
  const narrow = width < NARROW;
  const compact = (kept.rowHeight ?? options.rowHeight) === 'compact';
  const rowHeight = narrow ? ROW_HEIGHTS.narrow : compact ? ROW_HEIGHTS.compact : ROW_HEIGHTS.comfortable;

  const topRef = useRef<HTMLDivElement>(null);
  const topHeight = useHeight(topRef, height);
  const side = width >= SIDE_DRAWER && openSpan !== undefined;
  const bodyWidth = side ? width - DRAWER_WIDTH : width;
  const footer = height - topHeight > 200 ? FOOTER_HEIGHT : 0;
  const bodyHeight = Math.max(80, height - topHeight - footer);
  const sheet = openSpan !== undefined && !side;
  const sheetHeight = Math.round(bodyHeight * SHEET_SHARE);
  const treeWidth = Math.min(
    kept.treeWidth ?? (narrow ? Math.round(width * 0.52) : Math.round(Math.min(440, width * 0.27))),
    Math.round(bodyWidth * 0.7)
  );

  const { syncUrl } = options;
  useEffect(() => {
    if (!syncUrl) return;
    const spanId = openSpan === undefined ? null : model.spanIds[openSpan]!;
    if (spanFromUrl() !== (spanId ?? undefined)) locationService.partial({ [URL_KEY]: spanId }, true);
  }, [syncUrl, openSpan, model]);

  const focusRows = useCallback(() => scrollRef.current?.focus({ preventScroll: true }), []);
  const { closeDrawer, showSpan } = waterfall;
  const onClose = useCallback(() => {
    closeDrawer();
    focusRows();
  }, [closeDrawer, focusRows]);
  const onSpan = useCallback((span: number) => showSpan(span, true), [showSpan]);
  const colours = useMemo(() => waterfallColours(theme, model), [theme, model]);
  const problems = [
    ...(notice === undefined ? [] : [notice]),
    ...(trace.otherFrames > 0
      ? [`${plural(trace.otherFrames, 'further trace')} in the answer: this is the first`]
      : []),
  ];
  return (
    <div className={styles.panel} style={{ width, height }}>
      <div ref={topRef}>
        {problems.length > 0 && (
          <div className={styles.notice} role="status">
            <Icon name="info-circle" size="sm" /> {problems.join('; ')}
          </div>
        )}
        {options.showFinding && <FindingHeader waterfall={waterfall} trust={trace.trust} />}
        <Toolbar
          {...{ waterfall, narrow, compact, findRef, layersRef }}
          onCompact={(next) => keep({ rowHeight: next ? 'compact' : 'comfortable' })}
          onHelp={() => setHelpShown(!helpShown)}
          onLeave={focusRows}
        />
      </div>
      <div className={styles.main} style={{ height: bodyHeight }}>
        <WaterfallBody
          {...{ waterfall, rowHeight, treeWidth, narrow, scrollRef }}
          width={bodyWidth}
          height={sheet ? bodyHeight - sheetHeight : bodyHeight}
          onTreeWidth={(next) => keep({ treeWidth: next })}
          onKeyDown={(event) =>
            onWaterfallKey(event, {
              waterfall,
              helpShown,
              pageRows: Math.max(1, Math.floor(bodyHeight / rowHeight) - 4),
              focusFind: () => findRef.current?.focus(),
              focusLayers: () => layersRef.current?.focus(),
              toggleHelp: () => setHelpShown(!helpShown),
            })
          }
        />
        {openSpan !== undefined && (
          <SpanDrawer
            {...{ model, onClose, onSpan }}
            span={openSpan}
            colourOf={colours.service}
            sheetHeight={sheet ? sheetHeight : undefined}
          />
        )}
        {helpShown && <Help />}
      </div>
      {footer > 0 && <Footer waterfall={waterfall} narrow={narrow} />}
    </div>
  );
}

function Footer({ waterfall, narrow }: { readonly waterfall: Waterfall; readonly narrow: boolean }) {
  const styles = useStyles2(getStyles);
  const { built, model } = waterfall;
  const capped = cappedText(waterfall);
  return (
    <div className={styles.footer}>
      <span>
        <i className={styles.application} /> application
      </span>
      <span>
        <i className={styles.process} /> process
      </span>
      <span>
        <i className={styles.network} /> network
      </span>
      <span>
        <i className={styles.path} /> critical path
      </span>
      {capped !== '' && <b className={styles.capped}>{capped}</b>}
      {!narrow && capped === '' && (
        <span>
          {formatCount(built.rows.length)} rows of {plural(model.count, 'span')}
        </span>
      )}
      {!narrow && (
        <span className={styles.push}>
          <kbd>j</kbd> <kbd>k</kbd> row · <kbd>n</kbd> error · <kbd>f</kbd> focus · <kbd>o</kbd> open · <kbd>l</kbd>{' '}
          layers · <kbd>?</kbd>
        </span>
      )}
    </div>
  );
}

/** The cap and its reason stay in view. */
function cappedText({ built, model }: Waterfall): string {
  const { cappedAtDepth, cut, rows } = built;
  if (cappedAtDepth === undefined) return '';
  const more = cut > 0 ? `, ${plural(cut, 'row')} cut` : '';
  const level = `closed below level ${cappedAtDepth + 1}${more}`;
  return `${plural(model.count, 'span')}, ${formatCount(rows.length)} rows shown, ${level}: at most ${formatCount(MAX_ROWS)}`;
}

function Help() {
  const styles = useStyles2(getStyles);
  return (
    <dl className={styles.help} aria-label="Keys">
      {KEYS.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            {keys.split(' ').map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
      <div>
        <dt>Ctrl wheel</dt>
        <dd>zoom at the pointer; Shift wheel moves the window</dd>
      </div>
    </dl>
  );
}

function spanFromUrl(): string | undefined {
  const value: unknown = locationService.getSearchObject()[URL_KEY];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Height of what stands above the rows: its lines wrap as the panel narrows. */
function useHeight(ref: React.RefObject<HTMLElement | null>, changes: unknown): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const measure = (): void => setHeight(element.offsetHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref, changes]);
  return height;
}

const getStyles = (theme: GrafanaTheme2) => {
  const mark = { display: 'inline-block', width: 6, height: 12, borderRadius: 1, verticalAlign: '-2px' } as const;
  const neutral = theme.isDark ? theme.colors.text.disabled : theme.colors.text.secondary;
  const kbd = {
    padding: '0 4px',
    fontSize: 10,
    lineHeight: '14px',
    color: theme.colors.text.secondary,
    background: theme.colors.background.canvas,
    border: `1px solid ${theme.colors.border.medium}`,
    borderRadius: 3,
    boxShadow: 'none',
  } as const;
  return {
    panel: css({
      position: 'relative',
      display: 'flex',
      flexDirection: 'column',
      overflow: 'hidden',
      background: theme.colors.background.primary,
      fontVariantNumeric: 'tabular-nums',
    }),
    main: css({ position: 'relative', display: 'flex', borderTop: `1px solid ${theme.colors.border.weak}` }),
    notice: css({
      padding: '3px 12px',
      fontSize: theme.typography.bodySmall.fontSize,
      color: theme.colors.text.secondary,
      background: theme.colors.background.secondary,
    }),
    message: css({
      padding: 24,
      maxWidth: 560,
      color: theme.colors.text.secondary,
      h3: { fontSize: 16, color: theme.colors.text.primary },
      p: { margin: '4px 0' },
    }),
    failed: css({ '&&': { color: theme.colors.error.text } }),
    skeleton: css({
      padding: '12px 16px',
      color: theme.colors.text.secondary,
      '& > i': {
        display: 'block',
        height: 10,
        marginTop: 10,
        borderRadius: 2,
        background: theme.colors.action.selected,
      },
    }),
    footer: css({
      display: 'flex',
      alignItems: 'center',
      gap: 12,
      height: FOOTER_HEIGHT,
      padding: '0 12px',
      fontSize: 11,
      color: theme.colors.text.secondary,
      borderTop: `1px solid ${theme.colors.border.weak}`,
      whiteSpace: 'nowrap',
      overflow: 'hidden',
      kbd,
    }),
    push: css({ marginLeft: 'auto' }),
    capped: css({ color: theme.colors.warning.text, fontWeight: theme.typography.fontWeightMedium }),
    application: css({ ...mark, background: theme.colors.text.primary }),
    process: css({ ...mark, border: `1px solid ${neutral}` }),
    network: css({ ...mark, background: `repeating-linear-gradient(${neutral} 0 2px, transparent 2px 5px)` }),
    path: css({ ...mark, width: 16, height: 2, verticalAlign: '3px', background: theme.colors.text.maxContrast }),
    help: css({
      position: 'absolute',
      right: 12,
      bottom: 12,
      zIndex: 3,
      margin: 0,
      padding: '8px 12px',
      fontSize: theme.typography.bodySmall.fontSize,
      background: theme.colors.background.secondary,
      border: `1px solid ${theme.colors.border.medium}`,
      borderRadius: theme.shape.radius.default,
      boxShadow: theme.shadows.z3,
      '& > div': { display: 'flex', gap: 10 },
      dt: { flex: '0 0 90px', display: 'flex', gap: 3, alignItems: 'center', fontWeight: 'normal' },
      dd: { margin: 0 },
      kbd,
    }),
  };
};
