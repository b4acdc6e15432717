export { type RunningStore, startStore, type StartStoreOptions } from './store.ts';
