import { type NodeKind } from './model.ts';

/** Drawn for this map: outlines on a 24 by 24 grid, stroked. */
export const NODE_ICONS: Readonly<Record<NodeKind, string>> = {
  service: 'M12 3 20 7.5v9L12 21 4 16.5v-9ZM4 7.5l8 4.5 8-4.5M12 12v9',
  database:
    'M5 6c0-1.7 3.1-3 7-3s7 1.3 7 3-3.1 3-7 3-7-1.3-7-3ZM5 6v12c0 1.7 3.1 3 7 3s7-1.3 7-3V6M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3',
  cache: 'M13.5 3 6 13.5h5.5L10.5 21 18 10.5h-5.5Z',
  queue: 'M4 6h2M9.5 6H20M4 12h2M9.5 12H20M4 18h2M9.5 18H20',
  dns: 'M9 3h6v5H9ZM3 16h6v5H3ZM15 16h6v5h-6ZM12 8v4M6 16v-4h12v4',
  external: 'M7 18.5a4 4 0 0 1-.6-7.9A6 6 0 0 1 18 9.7a4.4 4.4 0 0 1-.6 8.8Z',
  caller: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3 12h18M12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18',
  group: 'M12 3.5 21 8.5l-9 5-9-5ZM3.5 12.5 12 17.3l8.5-4.8M3.5 16 12 20.8 20.5 16',
};

export const KIND_NAMES: Readonly<Record<NodeKind, string>> = {
  service: 'service',
  database: 'database',
  cache: 'cache',
  queue: 'queue',
  dns: 'name server',
  external: 'external, no agent',
  caller: 'caller from outside, no agent',
  group: 'closed group',
};
