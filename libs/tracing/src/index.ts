export * from './model.ts';
export { type Decision, Joiner, type JoinerOptions } from './join/Joiner.ts';
export * from './assemble/model.ts';
export { type AssembleOptions, assemble } from './assemble/assemble.ts';
export { type LaterLink } from './assemble/parents.ts';
export * from './assemble/search.ts';
export { formatNs, renderTrace, type RenderOptions } from './render.ts';
