import { type DashboardCursorSync, type DataQuery } from '@grafana/schema';
import {
  AdHocFiltersVariable,
  behaviors,
  CustomVariable,
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  type SceneVariable,
  SceneVariableSet,
  TextBoxVariable,
  VariableValueSelectors,
  VizPanel,
} from '@grafana/scenes';

/** Reads the part of Grafana's dashboard JSON (schema 42) that our provisioned dashboards use into a scene. */

interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: DataQuery[];
  readonly datasource?: { readonly uid: string; readonly type: string };
  readonly options?: Record<string, unknown>;
  readonly fieldConfig?: { readonly defaults: object; readonly overrides: [] };
  readonly maxDataPoints?: number;
  readonly panels?: PanelJson[];
  readonly collapsed?: boolean;
}

interface VariableJson {
  readonly name: string;
  readonly label?: string;
  readonly type: string;
  readonly query?: unknown;
  readonly datasource?: { readonly uid: string; readonly type: string };
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly current?: { readonly value?: string | string[]; readonly text?: string | string[] };
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PanelJson[];
  readonly templating?: { readonly list: readonly VariableJson[] };
  readonly time?: { readonly from: string; readonly to: string };
  readonly refresh?: string;
}

const CROSSHAIR = 1 as DashboardCursorSync;

export function toScene(dashboard: DashboardJson): EmbeddedScene {
  const variables = (dashboard.templating?.list ?? []).flatMap(toVariable);
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange(dashboard.time ?? { from: 'now-1h', to: 'now' }),
    $variables: new SceneVariableSet({ variables }),
    $behaviors: [new behaviors.CursorSync({ key: 'cursor', sync: CROSSHAIR })],
    controls: [
      new VariableValueSelectors({}),
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
      new SceneRefreshPicker({
        isOnCanvas: true,
        refresh: dashboard.refresh ?? '',
        intervals: ['5s', '10s', '30s', '1m'],
      }),
    ],
    body: new SceneGridLayout({ children: toRows(dashboard.panels) }),
  });
}

function toRows(panels: readonly PanelJson[]): (SceneGridItem | SceneGridRow)[] {
  return panels.map((panel) =>
    panel.type === 'row'
      ? new SceneGridRow({
          title: panel.title ?? '',
          y: panel.gridPos.y,
          isCollapsed: panel.collapsed ?? false,
          children: (panel.panels ?? []).map(toItem),
        })
      : toItem(panel)
  );
}

function toItem(panel: PanelJson): SceneGridItem {
  const { x, y, w, h } = panel.gridPos;
  const [first] = panel.targets ?? [];
  const datasource = panel.datasource ?? first?.datasource;
  return new SceneGridItem({
    x,
    y,
    width: w,
    height: h,
    body: new VizPanel({
      key: `panel-${panel.id}`,
      pluginId: panel.type,
      title: panel.title ?? '',
      description: panel.description ?? '',
      options: panel.options ?? {},
      fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
      ...(panel.targets && {
        $data: new SceneQueryRunner({
          ...(datasource && { datasource: datasource as never }),
          queries: panel.targets as never,
          ...(panel.maxDataPoints !== undefined && { maxDataPoints: panel.maxDataPoints }),
        }),
      }),
    }),
  });
}

function toVariable(json: VariableJson): SceneVariable[] {
  const common = { name: json.name, label: json.label ?? json.name };
  const value = json.current?.value ?? '';
  switch (json.type) {
    case 'datasource':
      return [new DataSourceVariable({ ...common, pluginId: String(json.query) })];
    case 'query':
      return [
        new QueryVariable({
          ...common,
          datasource: json.datasource as never,
          query: json.query as never,
          isMulti: json.multi ?? false,
          includeAll: json.includeAll ?? false,
          value,
          text: json.current?.text ?? value,
          ...(json.allValue !== undefined && { allValue: json.allValue }),
        }),
      ];
    case 'custom':
      return [new CustomVariable({ ...common, query: String(json.query), value, text: value })];
    case 'textbox':
      return [new TextBoxVariable({ ...common, value: String(value || (json.query ?? '')) })];
    case 'adhoc':
      return [
        new AdHocFiltersVariable({ ...common, datasource: json.datasource as never, applyMode: 'auto', filters: [] }),
      ];
    default:
      return [];
  }
}
