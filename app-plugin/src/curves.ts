import { type FieldConfigSource } from '@grafana/data';
import { SceneQueryRunner, VizPanel } from '@grafana/scenes';
import { type DataQuery } from '@grafana/schema';
import { DATASOURCE } from './appPage.ts';

interface CurveOptions {
  readonly title: string;
  readonly description: string;
  readonly query: DataQuery;
  readonly unit: string;
  /** The axis reaches at least this far: nothing at all must not look like much. */
  readonly softMax?: number;
  readonly fill?: number;
  readonly stacked?: boolean;
  /** Fixed colours and names by regular expression of a series' name. */
  readonly series: readonly { readonly match: string; readonly name: string; readonly colour: string }[];
}

/** A time series panel whose points lead to the traces behind them (the links come with the frames). */
export function curve({
  title,
  description,
  query,
  unit,
  softMax,
  fill = 10,
  stacked = false,
  series,
}: CurveOptions): VizPanel {
  const fieldConfig = {
    defaults: {
      unit,
      min: 0,
      custom: {
        lineWidth: 1.5,
        fillOpacity: stacked ? 70 : fill,
        showPoints: 'never',
        ...(softMax !== undefined && { axisSoftMax: softMax }),
        stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
      },
    },
    overrides: series.map(({ match, name, colour }) => ({
      matcher: { id: 'byRegexp', options: match },
      properties: [
        { id: 'displayName', value: name },
        { id: 'color', value: { mode: 'fixed', fixedColor: colour } },
      ],
    })),
  } as FieldConfigSource;
  return new VizPanel({
    pluginId: 'timeseries',
    title,
    description,
    fieldConfig,
    options: {
      legend: { showLegend: series.length !== 1, displayMode: 'list', placement: 'bottom', calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    $data: new SceneQueryRunner({ datasource: DATASOURCE, queries: [query], maxDataPoints: 150 }),
  });
}
