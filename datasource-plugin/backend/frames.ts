import { type Field, type FieldConfig, type Frame, type FrameMeta, type Labels } from '@throughline/grafana-backend';
import { type FrameContract, type FrameRow, QUERY_VERSION } from '@throughline/query';
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

/** A field's link that opens the trace of the id in it; Explore reads `query`. */
export function traceLink(settings: Settings, title = 'Open trace'): FieldConfig {
  return {
    links: [
      {
        title,
        url: '',
        internal: {
          query: { queryType: 'traceId', version: QUERY_VERSION, query: '${__value.raw}' },
          datasourceUid: settings.uid,
          datasourceName: settings.name,
        },
      },
    ],
  };
}
