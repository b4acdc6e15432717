import { VARIABLE_KINDS, type VariableQuery } from './types.ts';

/** Provisioned dashboards and other tools write a variable's query as text: the name of a list, or SQL. */
export function completeVariableQuery(saved: VariableQuery | string): VariableQuery {
  if (typeof saved !== 'string') return VARIABLE_KINDS.includes(saved.kind) ? saved : { ...saved, kind: 'services' };
  const [, name, argument = ''] = /^\s*(\w+)(?:\(\s*(.*?)\s*\))?\s*$/.exec(saved) ?? [];
  const kind = VARIABLE_KINDS.find((each) => each === name);
  const refId = 'variable';
  // A new variable's query is an empty text.
  if (saved.trim() === '') return { refId, kind: 'services' };
  if (kind === undefined || kind === 'sql') return { refId, kind: 'sql', rawSql: saved };
  if (kind === 'endpoints') return { refId, kind, service: argument };
  return kind === 'values' ? { refId, kind, filterKey: argument } : { refId, kind };
}
