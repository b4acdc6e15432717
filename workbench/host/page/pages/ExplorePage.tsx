import {
  CoreApp,
  type DataFrame,
  type DataQuery,
  type DataQueryRequest,
  type DataSourceApi,
  dateTime,
  FieldType,
  type GrafanaTheme2,
  LoadingState,
  type PanelData,
  preProcessPanelData,
  rangeUtil,
  type TimeRange,
} from '@grafana/data';
import { config, getDataSourceSrv, locationService } from '@grafana/runtime';
import { css } from '@emotion/css';
import { Alert, Button, PanelChrome, TimeRangePicker, useStyles2 } from '@grafana/ui';
import { type ComponentType, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'react-router';
import { PanelRenderer } from '../hostComponents.tsx';
import { runRequest } from '../runRequest.ts';

interface Pane {
  readonly datasource: string;
  readonly queries: DataQuery[];
  readonly range: { readonly from: string; readonly to: string };
}

/** Like Grafana's Explore in what plugins see: one pane, its state in `panes`, frames shown by what they prefer. */
export function ExplorePage() {
  const styles = useStyles2(getStyles);
  const { search } = useLocation();
  const pane = useMemo(() => readPane(search), [search]);
  const [datasource, setDatasource] = useState<DataSourceApi>();
  const [query, setQuery] = useState<DataQuery>();
  const [data, setData] = useState<PanelData>();
  const range = useMemo(() => toRange(pane.range), [pane.range]);
  const running = useRef<{ unsubscribe(): void }>(undefined);
  // An editor changes the query and runs it in one breath: what runs is what was changed last.
  const latest = useRef<DataQuery>(undefined);
  const change = useCallback((next: DataQuery) => {
    latest.current = next;
    setQuery(next);
  }, []);

  const run = useCallback((api: DataSourceApi, target: DataQuery, timeRange: TimeRange) => {
    running.current?.unsubscribe();
    const { interval, intervalMs } = rangeUtil.calculateInterval(timeRange, 600, '1s');
    const request: DataQueryRequest = {
      app: CoreApp.Explore,
      requestId: 'explore',
      targets: [target],
      range: timeRange,
      interval,
      intervalMs,
      maxDataPoints: 600,
      timezone: 'browser',
      startTime: Date.now(),
      scopedVars: {},
    };
    if (api.filterQuery?.(target) === false) return setData(undefined);
    running.current = runRequest(api, request).subscribe((next) => setData(preProcessPanelData(next)));
  }, []);

  useEffect(() => {
    void getDataSourceSrv()
      .get(pane.datasource)
      .then((api) => {
        const target = pane.queries[0] ?? { refId: 'A', ...api.getDefaultQuery?.(CoreApp.Explore) };
        setDatasource(api);
        change(target);
        run(api, target, range);
      });
    return () => running.current?.unsubscribe();
  }, [pane, range, run, change]);

  if (!datasource || !query) return null;
  const Editor = datasource.components?.QueryEditor as ComponentType<Record<string, unknown>> | undefined;
  const go = (target: DataQuery, next: Pane['range'] = pane.range): void => {
    locationService.push(paneUrl({ datasource: datasource.uid, queries: [target], range: next }));
  };
  return (
    <div className={styles.page}>
      <div className={styles.bar}>
        <h1 className={styles.title}>{`Explore ${datasource.name}`}</h1>
        <TimeRangePicker
          value={range}
          timeZone="browser"
          onChange={({ raw }) => go(query, { from: toUrl(raw.from), to: toUrl(raw.to) })}
          onChangeTimeZone={() => {}}
          onMoveBackward={() => go(query, shifted(range, -1))}
          onMoveForward={() => go(query, shifted(range, 1))}
          onZoom={() => go(query, zoomedOut(range))}
          isOnCanvas
        />
        <Button icon="sync" onClick={() => go(query)}>
          Run query
        </Button>
      </div>
      {Editor && (
        <div className={styles.editor}>
          <Editor
            datasource={datasource}
            query={query}
            onChange={change}
            onRunQuery={() => go(latest.current ?? query)}
            app={CoreApp.Explore}
            data={data}
            range={range}
          />
        </div>
      )}
      {data?.error && <Alert severity="error" title={data.error.message ?? 'The query failed'} />}
      {data && <Frames data={data} />}
    </div>
  );
}

function Frames({ data }: { readonly data: PanelData }) {
  const styles = useStyles2(getStyles);
  const groups = useMemo(() => groupFrames(data.series), [data.series]);
  const isDone = data.state === LoadingState.Done;
  if (isDone && groups.length === 0) return <p className={styles.none}>No data in this time range.</p>;
  return (
    <>
      {groups.map(({ pluginId, title, frames, height }) => (
        <PanelBox key={title} title={title} height={height} state={data.state}>
          {(width, inner) => (
            <PanelRenderer
              pluginId={pluginId}
              title=""
              data={{ ...data, series: frames }}
              width={width}
              height={inner}
              onChangeTimeRange={() => {}}
            />
          )}
        </PanelBox>
      ))}
    </>
  );
}

interface PanelBoxProps {
  readonly title: string;
  readonly height: number;
  readonly state: LoadingState;
  readonly children: (width: number, height: number) => React.ReactElement;
}

function PanelBox({ title, height, state, children }: PanelBoxProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={box}>
      {width > 0 && (
        <PanelChrome title={title} width={width} height={height} loadingState={state}>
          {(innerWidth, innerHeight) => children(innerWidth, innerHeight)}
        </PanelChrome>
      )}
    </div>
  );
}

interface FrameGroup {
  readonly pluginId: string;
  readonly title: string;
  readonly frames: DataFrame[];
  readonly height: number;
}

/** As Explore does: by `preferredVisualisationPluginId`, else by `preferredVisualisationType`, else by shape. */
function groupFrames(series: readonly DataFrame[]): FrameGroup[] {
  const groups = new Map<string, FrameGroup>();
  for (const frame of series) {
    if (frame.fields.length === 0) continue;
    const pluginId = pluginOf(frame);
    const isTable = pluginId === 'table';
    const title = isTable ? (frame.name ?? 'Table') : (TITLES[pluginId] ?? pluginId);
    const group = groups.get(title) ?? { pluginId, title, frames: [], height: HEIGHTS[pluginId] ?? 320 };
    group.frames.push(frame);
    groups.set(title, group);
  }
  return [...groups.values()];
}

const TITLES: Readonly<Record<string, string>> = {
  timeseries: 'Graph',
  'throughline-topology-panel': 'Topology',
  'throughline-waterfall-panel': 'Trace',
};
const HEIGHTS: Readonly<Record<string, number>> = {
  'throughline-topology-panel': 560,
  'throughline-waterfall-panel': 640,
};

function pluginOf(frame: DataFrame): string {
  const { preferredVisualisationPluginId: plugin, preferredVisualisationType: type } = frame.meta ?? {};
  if (plugin !== undefined && config.panels[plugin]) return plugin;
  if (type === 'trace') return 'throughline-waterfall-panel';
  if (type === 'nodeGraph') return 'throughline-topology-panel';
  const isSeries = frame.fields.some((field) => field.type === FieldType.time) && type !== 'table';
  return isSeries && frame.fields.some((field) => field.type === FieldType.number) ? 'timeseries' : 'table';
}

const NO_PANE: Pane = { datasource: '', queries: [], range: { from: 'now-1h', to: 'now' } };

function readPane(search: string): Pane {
  const parameters = new URLSearchParams(search);
  try {
    const panes = JSON.parse(parameters.get('panes') ?? parameters.get('left') ?? '{}') as Record<
      string,
      Partial<Pane>
    >;
    const first = parameters.has('left') ? (panes as Partial<Pane>) : Object.values(panes)[0];
    return { ...NO_PANE, ...first };
  } catch {
    return NO_PANE;
  }
}

function paneUrl(pane: Pane): string {
  return `/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify({ a: pane }))}`;
}

function toRange({ from, to }: Pane['range']): TimeRange {
  const raw = (text: string) => (/^\d+$/.test(text) ? dateTime(Number(text)) : text);
  return rangeUtil.convertRawToRange({ from: raw(String(from)), to: raw(String(to)) });
}

function toUrl(time: TimeRange['raw']['from']): string {
  return typeof time === 'string' ? time : String(time.valueOf());
}

function shifted({ from, to }: TimeRange, direction: 1 | -1): Pane['range'] {
  const half = ((to.valueOf() - from.valueOf()) / 2) * direction;
  return { from: String(from.valueOf() + half), to: String(to.valueOf() + half) };
}

function zoomedOut({ from, to }: TimeRange): Pane['range'] {
  const half = (to.valueOf() - from.valueOf()) / 2;
  return { from: String(from.valueOf() - half), to: String(to.valueOf() + half) };
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(2), padding: theme.spacing(2) }),
  bar: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1) }),
  title: css({ fontSize: theme.typography.h4.fontSize, margin: 0, flexGrow: 1 }),
  editor: css({ padding: theme.spacing(1), background: theme.colors.background.primary }),
  none: css({ color: theme.colors.text.secondary }),
});
