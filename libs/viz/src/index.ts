export * from './colours.ts';
export * from './format.ts';
