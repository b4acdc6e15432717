export * from './errors.ts';
export * from './frames.ts';
export { migrateQuery, QUERY_VERSION } from './migrate.ts';
export * from './query.ts';
