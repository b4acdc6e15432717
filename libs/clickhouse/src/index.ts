export { createClickHouseClient } from './client.ts';
export * from './columns.ts';
export * from './errors.ts';
export {
  type ClickHouseOptions,
  insertBatch,
  type InsertOptions,
  type InsertResult,
  quoteIdentifier,
} from './insertBatch.ts';
export { encodeNative } from './native.ts';
