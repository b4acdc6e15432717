export * from './table.ts';
export * from './ddl.ts';
export * from './migrations.ts';
export * from './docs.ts';
export { SPANS_TTL_DAYS, spans } from './tables/spans.ts';
export { red1m, red1s } from './tables/red.ts';
export { entities, events, links, schemaMigrations, traceIndex } from './tables/others.ts';
