import { FieldColorModeId, identityOverrideProcessor, type PanelPlugin, type PanelProps } from '@grafana/data';
import { commonOptionsBuilder } from '@grafana/ui';
import { BarGaugePanel } from './BarGaugePanel.tsx';
import { standIn } from './frame.tsx';
import { StatPanel } from './StatPanel.tsx';
import { TablePanel } from './TablePanel.tsx';
import { TextPanel } from './TextPanel.tsx';
import { TimeSeriesPanel } from './TimeSeriesPanel.tsx';

/** Field options of lines and their defaults, which @grafana/ui's TimeSeries reads from every field. */
const LINE_DEFAULTS: Readonly<Record<string, unknown>> = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  showPoints: 'auto',
  pointSize: 5,
  axisPlacement: 'auto',
  gradientMode: 'none',
  barAlignment: 0,
  spanNulls: false,
  axisLabel: '',
  axisSoftMin: undefined,
  axisSoftMax: undefined,
  lineStyle: undefined,
  hideFrom: { tooltip: false, viz: false, legend: false },
  scaleDistribution: { type: 'linear' },
  stacking: { mode: 'none', group: 'A' },
  thresholdsStyle: { mode: 'off' },
};

function customOptions(defaults: Readonly<Record<string, unknown>>) {
  return (builder: { addCustomEditor(option: never): unknown }): void => {
    for (const [path, defaultValue] of Object.entries(defaults)) {
      const option = {
        id: path,
        path,
        name: path,
        defaultValue,
        editor: () => null,
        override: () => null,
        process: identityOverrideProcessor,
        shouldApply: () => true,
      };
      builder.addCustomEditor(option as never);
    }
  };
}

function UnknownPanel({ id }: PanelProps) {
  return <p data-testid="unknown-panel">{`Panel ${id}: the workbench has no stand-in for its kind.`}</p>;
}

export function unknownPanel(pluginId: string): PanelPlugin {
  return standIn(pluginId, pluginId, UnknownPanel) as PanelPlugin;
}

export function standInPanels(): PanelPlugin[] {
  const table = { align: 'auto', cellOptions: { type: 'auto' }, hidden: false, width: undefined, filterable: false };
  return [
    standIn('timeseries', 'Time series', TimeSeriesPanel)
      .useFieldConfig({
        useCustomConfig: customOptions(LINE_DEFAULTS),
        standardOptions: { color: { defaultValue: { mode: FieldColorModeId.PaletteClassic } } } as never,
      })
      .setPanelOptions((builder) => {
        commonOptionsBuilder.addTooltipOptions(builder as never);
        commonOptionsBuilder.addLegendOptions(builder as never);
      }),
    standIn('table', 'Table', TablePanel).useFieldConfig({ useCustomConfig: customOptions(table) }),
    standIn('stat', 'Stat', StatPanel).useFieldConfig({}),
    standIn('bargauge', 'Bar gauge', BarGaugePanel).useFieldConfig({}),
    standIn('text', 'Text', TextPanel),
  ] as PanelPlugin[];
}
