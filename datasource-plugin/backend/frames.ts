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

/**
 * Opens a page of the app in the time range at hand.
 * @param parameters of the address, each a variable of Grafana's data links, without its braces and format
 * @param constants of the address
 */
export function appLink(
  title: string,
  page: 'service' | 'edge' | 'trace' | 'traces',
  parameters: Readonly<Record<string, string>>,
  constants: Readonly<Record<string, string>> = {}
): DataLink {
  const parts = [
    ...Object.entries(parameters).map(([name, variable]) => `${name}=\${${variable}:percentencode}`),
    ...Object.entries(constants).map(([name, value]) => `${name}=${encodeURIComponent(value)}`),
    '${__url_time_range}',
  ];
  return { title, url: `${APP}/${page}?${parts.join('&')}` };
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
      appLink('Open trace in Throughline', 'trace', { id: '__value.raw' }),
    ],
  };
}

/** Links of the two frames of a map or table of edges, by the names of their fields. */
export const nodeLink = (field: string): DataLink =>
  appLink('Open ${__data.fields.' + field + '}', 'service', { service: `__data.fields.${field}` });
export const edgeLink: DataLink = appLink('Open ${__data.fields.source} → ${__data.fields.target}', 'edge', {
  source: '__data.fields.source',
  target: '__data.fields.target',
});

/**
 * Links of a point of a series that lead to the requests behind it.
 * @param labels keys of the traces to find, each with the label of the field that holds its value
 * @param constants keys with values that no label holds
 */
export function pointLinks(
  settings: Settings,
  stepSeconds: number,
  labels: Readonly<Record<string, string>>,
  constants: Readonly<Record<string, string>> = {},
  of: 'requests' | 'calls' = 'requests'
): readonly DataLink[] {
  const variables = Object.entries(labels).map(([key, label]) => [key, `__field.labels.${label}`] as const);
  const values = [
    ...variables.map(([key, variable]) => [key, '${' + variable + '}'] as const),
    ...Object.entries(constants),
  ];
  return [
    appLink(
      'Traces behind this point',
      'traces',
      { ...Object.fromEntries(variables), at: '__value.time' },
      { ...constants, step: String(stepSeconds * 1_000) }
    ),
    exploreLink(settings, 'Explore traces', {
      queryType: 'traceSearch',
      version: QUERY_VERSION,
      of,
      filters: values.map(([key, value]) => ({ key: FILTER_OF[key] ?? key, operator: '=', value })),
    }),
  ];
}

/** Keys of the app's address that a search names otherwise: ends of an edge. */
const FILTER_OF: Readonly<Record<string, string>> = { source: 'service', target: 'peer' };
