import { type QueryInput, QUERY_VERSION } from '@throughline/query';

/** Classic dashboard JSON, as far as our dashboards use it. */

export const DATASOURCE_TYPE = 'throughline-datasource';
export const DASHBOARD_TAG = 'throughline';

/** Every panel asks the data source that the dashboard's variable names, so that one file serves any instance. */
export const DATASOURCE = { type: DATASOURCE_TYPE, uid: '${ds}' } as const;

export const PANEL_TYPES = [
  'timeseries',
  'table',
  'stat',
  'text',
  'bargauge',
  'throughline-topology-panel',
  'throughline-waterfall-panel',
] as const;
export type PanelType = (typeof PANEL_TYPES)[number];

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
type JsonObject = Readonly<Record<string, Json | undefined>>;

export interface Override {
  /** Name of a field, or a regular expression between slashes. */
  readonly field: string;
  readonly properties: Readonly<Record<string, Json>>;
}

export interface PanelInput {
  readonly type: PanelType;
  readonly title: string;
  readonly description: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly height?: number;
  /** Grafana's name of the unit. Of a table: of its columns of numbers; frames of our own query types have units. */
  readonly unit?: string;
  readonly queries?: readonly QueryInput[];
  readonly options?: JsonObject;
  /** Further defaults of fields. */
  readonly defaults?: JsonObject;
  readonly custom?: JsonObject;
  readonly overrides?: readonly Override[];
  readonly links?: readonly DataLink[];
  /** Smallest step of a series, such as that of the table it reads. */
  readonly interval?: string;
}

export interface DataLink {
  readonly title: string;
  readonly url: string;
}

export interface GridPosition {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface Target {
  readonly refId: string;
  readonly datasource: typeof DATASOURCE;
  readonly [key: string]: unknown;
}

export interface Panel {
  readonly id: number;
  readonly type: PanelType | 'row';
  readonly title: string;
  readonly description?: string;
  readonly gridPos: GridPosition;
  readonly targets?: readonly Target[];
  readonly [key: string]: unknown;
}

export interface Row {
  /** Of a heading above the panels; none without it. */
  readonly title?: string;
  readonly panels: readonly PanelInput[];
}

const GRID_COLUMNS = 24;
const DEFAULT_HEIGHT = 8;

/** Panels side by side, row under row, each row as high as its highest panel. */
export function layOut(rows: readonly Row[]): Panel[] {
  const panels: Panel[] = [];
  let y = 0;
  for (const { title, panels: inputs } of rows) {
    if (title !== undefined) {
      panels.push({
        id: panels.length + 1,
        type: 'row',
        title,
        collapsed: false,
        gridPos: { x: 0, y, w: GRID_COLUMNS, h: 1 },
        panels: [],
      });
      y += 1;
    }
    let x = 0;
    for (const input of inputs) {
      const h = input.height ?? DEFAULT_HEIGHT;
      panels.push(panel(panels.length + 1, input, { x, y, w: input.width, h }));
      x += input.width;
    }
    if (x > GRID_COLUMNS) throw new Error(`a row of panels is ${x} columns wide, ${GRID_COLUMNS} fit`);
    y += Math.max(...inputs.map(({ height = DEFAULT_HEIGHT }) => height));
  }
  return panels;
}

const DEFAULT_OPTIONS: Readonly<Record<PanelType, JsonObject>> = {
  timeseries: {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  table: { showHeader: true, cellHeight: 'sm', frameIndex: 0 },
  stat: {
    colorMode: 'none',
    graphMode: 'area',
    textMode: 'auto',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  },
  text: { mode: 'markdown' },
  bargauge: {
    displayMode: 'basic',
    orientation: 'horizontal',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: true },
    showUnfilled: true,
  },
  'throughline-topology-panel': {},
  'throughline-waterfall-panel': {},
};

const DEFAULT_CUSTOM: Partial<Readonly<Record<PanelType, JsonObject>>> = {
  timeseries: { drawStyle: 'line', lineWidth: 1, fillOpacity: 8, showPoints: 'never', spanNulls: false },
  table: { filterable: true },
};

export const STACKED_BARS = {
  drawStyle: 'bars',
  fillOpacity: 60,
  lineWidth: 0,
  stacking: { mode: 'normal', group: 'A' },
} as const;

function panel(id: number, input: PanelInput, gridPos: GridPosition): Panel {
  const { type, title, description, unit, queries = [], overrides = [], links = [], interval } = input;
  return {
    id,
    type,
    title,
    description,
    gridPos,
    ...(queries.length > 0 && { datasource: DATASOURCE, targets: targets(queries) }),
    ...(interval !== undefined && { interval }),
    fieldConfig: {
      defaults: {
        ...(unit !== undefined && type !== 'table' && { unit }),
        ...input.defaults,
        ...(links.length > 0 && { links: links.map((link) => ({ ...link, targetBlank: false })) }),
        custom: {
          ...DEFAULT_CUSTOM[type],
          // Nothing at all must not look like much: the axis of shares reaches 5 % at least.
          ...(type === 'timeseries' && unit === 'percentunit' && { axisSoftMax: 0.05 }),
          ...input.custom,
        },
      },
      overrides: [
        // As a default it would be of texts too, and an id that is all digits would be shown rounded.
        ...(unit !== undefined && type === 'table' ? [override({ id: 'byType', options: 'number' }, { unit })] : []),
        ...overrides.map(({ field, properties }) => {
          // A name is the field's or its display name, an expression is tried on the display name alone.
          const id = /^\/.*\/$/.test(field) ? 'byRegexp' : 'byName';
          return override({ id, options: field }, properties);
        }),
      ],
    },
    options: { ...DEFAULT_OPTIONS[type], ...input.options },
  };
}

function override(matcher: JsonObject, properties: Readonly<Record<string, Json>>) {
  return { matcher, properties: Object.entries(properties).map(([id, value]) => ({ id, value })) };
}

function targets(queries: readonly QueryInput[]): Target[] {
  return queries.map((query, index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: DATASOURCE,
    ...query,
  }));
}

/** A query type with the model's version: what a dashboard saves must be readable years later. */
export function sql(rawSql: string, format: 'auto' | 'timeseries' | 'table' = 'auto'): QueryInput {
  return { queryType: 'sql', version: QUERY_VERSION, rawSql: rawSql.trim(), format };
}

export interface Variable {
  readonly name: string;
  readonly type: 'datasource' | 'query' | 'textbox' | 'custom';
  readonly [key: string]: unknown;
}

export const datasourceVariable: Variable = {
  name: 'ds',
  label: 'Data source',
  type: 'datasource',
  query: DATASOURCE_TYPE,
  refresh: 1,
  hide: 0,
  includeAll: false,
  multi: false,
  options: [],
  regex: '',
};

export interface SqlVariableInput {
  readonly name: string;
  readonly label: string;
  readonly rawSql: string;
  /** Of one value at a time, or of several. */
  readonly all?: 'one' | 'several';
}

/**
 * Values of the first column; read again whenever the time range changes. In SQL, a variable that can be All stands for
 * a list of literals, another for text inside quotes.
 */
export function sqlVariable({ name, label, rawSql, all }: SqlVariableInput): Variable {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { refId: `variable-${name}`, kind: 'sql', rawSql: rawSql.trim() },
    definition: label,
    refresh: 2,
    sort: 0,
    hide: 0,
    includeAll: all !== undefined,
    multi: all === 'several',
    ...(all === 'one' && { current: { text: 'All', value: '$__all' } }),
    ...(all === 'several' && { current: { text: ['All'], value: ['$__all'] } }),
    options: [],
    regex: '',
  };
}

export function textVariable(name: string, label: string): Variable {
  return { name, label, type: 'textbox', query: '', current: { text: '', value: '' }, hide: 0, options: [] };
}

export interface DashboardInput {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables?: readonly Variable[];
  readonly rows: readonly Row[];
  /** Draws what changed over the charts. */
  readonly events?: { readonly service?: string };
  readonly from?: string;
  readonly refresh?: string;
}

export interface Annotation {
  readonly name: string;
  readonly target: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
  readonly [key: string]: unknown;
}

const SCHEMA_VERSION = 42;

/** Links of a dashboard take the time range and the variables of the same name along. */
const LINK_BETWEEN_DASHBOARDS = {
  type: 'dashboards',
  title: 'Throughline',
  tags: [DASHBOARD_TAG],
  asDropdown: true,
  keepTime: true,
  includeVars: true,
  targetBlank: false,
  icon: 'external link',
  tooltip: '',
  url: '',
} as const;

export function dashboard(input: DashboardInput): Dashboard {
  const { uid, title, description, variables = [], rows, events, from = 'now-1h', refresh = '30s' } = input;
  return {
    id: null,
    uid,
    title,
    description,
    tags: [DASHBOARD_TAG],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    fiscalYearStartMonth: 0,
    weekStart: '',
    timezone: '',
    time: { from, to: 'now' },
    refresh,
    timepicker: {},
    preload: false,
    links: [LINK_BETWEEN_DASHBOARDS],
    templating: { list: [datasourceVariable, ...variables] },
    annotations: {
      list:
        events === undefined
          ? []
          : [
              {
                name: 'What changed',
                enable: true,
                hide: false,
                iconColor: 'blue',
                datasource: DATASOURCE,
                target: {
                  refId: 'Events',
                  queryType: 'events',
                  version: QUERY_VERSION,
                  kinds: [],
                  service: events.service ?? '',
                },
              },
            ],
    },
    panels: layOut(rows),
  };
}
