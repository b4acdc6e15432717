export * from './model.ts';
export { type Decision, Joiner, type JoinerOptions } from './join/Joiner.ts';
