export * from './colours.ts';
export * from './format.ts';
export * from './health.ts';
export * from './statements.ts';
export * from './topology/index.ts';
export * from './waterfall/index.ts';
