export * from './colours.ts';
export * from './format.ts';
export * from './topology/index.ts';
export * from './waterfall/index.ts';
