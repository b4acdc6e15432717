import { type Field, type FieldConfig, type Frame, type FrameMeta, type Labels } from '@throughline/grafana-backend';
import { type FrameContract, type FrameRow, QUERY_VERSION, type QueryInput } from '@throughline/query';
import { type Settings } from './settings.ts';

/** Builds frames from the contracts in libs/query. */

export interface FrameOptions {
  readonly meta?: Partial<FrameMeta>;
  /** Added to the contract's own config, by field name. */
  readonly config?: Readonly<Record<string, FieldConfig>>;
  readonly labels?: Readonly<Record<string, Labels>>;
  /** Name of a field, where it is not the contract's. */
  readonly rename?: Readonly<Record<string, string>>;
}

export function toFrame<C extends FrameContract>(
  contract: C,
  rows: readonly FrameRow<C>[],
  options: FrameOptions = {}
): Frame {
  const fields = Object.entries(contract.fields).map(([key, { type, nullable, config }]) => {
    const labels = options.labels?.[key];
    const allConfig = { ...config, ...options.config?.[key] };
    return {
      name: options.rename?.[key] ?? key,
      type,
      nullable: nullable ?? false,
      values: rows.map((row) => row[key as keyof FrameRow<C>]),
      ...(Object.keys(allConfig).length > 0 && { config: allConfig }),
      ...(labels && { labels }),
      // The contract's types are the frame's; TypeScript cannot follow that through Object.entries.
    } as Field;
  });
  return { name: contract.name, meta: { ...contract.meta, ...options.meta }, fields };
}

/** A link of a field, as Grafana's DataLink. */
export type DataLink = Readonly<Record<string, unknown>>;

/** Pages of the app, which has its own place in the address. */
const APP = '/a/throughline-app';

/** A variable of Grafana's data links as a part of an address. */
const inAddress = (variable: string): string => '${' + variable + ':percentencode}';

/**
 * Opens a page of the app in the time range at hand.
 * @param parameters of the address, encoded
 */
function appLink(
  title: string,
  page: 'service' | 'edge' | 'trace' | 'traces',
  parameters: Readonly<Record<string, string>>
): DataLink {
  const search = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return { title, url: `${APP}/${page}?${[...search, '${__url_time_range}'].join('&')}` };
}

/** Opens a query of this data source in Explore. */
export function exploreLink(settings: Settings, title: string, query: QueryInput): DataLink {
  return {
    title,
    url: '',
    internal: { query, datasourceUid: settings.uid, datasourceName: settings.name },
  };
}

/** A field's links that open the trace of the id in it. */
export function traceLinks(settings: Settings): FieldConfig {
  return {
    links: [
      exploreLink(settings, 'Open trace', { queryType: 'traceId', version: QUERY_VERSION, query: '${__value.raw}' }),
      appLink('Open trace in Throughline', 'trace', { id: inAddress('__value.raw') }),
    ],
  };
}

/** Links of the two frames of a map or of tables of the same, by the names of their fields. */
export const nodeLink = (field: string): DataLink =>
  appLink('Open ${__data.fields.' + field + '}', 'service', { service: inAddress(`__data.fields.${field}`) });
export const edgeLink: DataLink = appLink('Open ${__data.fields.source} → ${__data.fields.target}', 'edge', {
  source: inAddress('__data.fields.source'),
  target: inAddress('__data.fields.target'),
});

/** One condition of the traces behind a point: a key of both the app's address and a search. */
export interface PointCondition {
  readonly key: 'service' | 'peer' | 'endpoint';
  /** Label of the series that holds the value; else the value itself. */
  readonly label?: string;
  readonly value?: string;
}

/** Links of a point of a series that lead to what it counts. */
export function pointLinks(
  settings: Settings,
  stepSeconds: number,
  of: 'requests' | 'calls',
  conditions: readonly PointCondition[]
): readonly DataLink[] {
  const parameters = conditions.map(({ key, label, value = '' }) => [
    key,
    label === undefined ? encodeURIComponent(value) : inAddress(`__field.labels.${label}`),
  ]);
  return [
    appLink('Traces behind this point', 'traces', {
      ...Object.fromEntries(parameters),
      of,
      at: '${__value.time}',
      step: String(stepSeconds * 1_000),
    }),
    exploreLink(settings, 'Explore traces', {
      queryType: 'traceSearch',
      version: QUERY_VERSION,
      of,
      filters: conditions.map(({ key, label, value = '' }) => ({
        key,
        operator: '=',
        value: label === undefined ? value : '${__field.labels.' + label + '}',
      })),
    }),
  ];
}
