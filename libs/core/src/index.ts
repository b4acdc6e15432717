export * from './addresses.ts';
export * from './ids.ts';
export * from './RecentMap.ts';
export * from './sequence.ts';
