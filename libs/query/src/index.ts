export * from './errors.ts';
export * from './frames.ts';
export { QUERY_VERSION } from './migrate.ts';
export * from './query.ts';
