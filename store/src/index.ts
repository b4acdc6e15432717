export { type ListenAddress, readConfig, type StoreConfig } from './config.ts';
export { type ErrorCode, errorCodes, StoreError } from './errors.ts';
export { Store } from './Store.ts';
