export * from './axis.ts';
export * from './criticalPath.ts';
export * from './finding.ts';
export * from './hops.ts';
export * from './model.ts';
export * from './rows.ts';
export * from './search.ts';
