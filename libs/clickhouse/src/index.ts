export * from './columns.ts';
export * from './errors.ts';
export {
  insertBatch,
  quoteIdentifier,
  type ClickHouseOptions,
  type InsertOptions,
  type InsertResult,
} from './insertBatch.ts';
export { encodeNative } from './native.ts';
export { createClickHouseClient } from './client.ts';
