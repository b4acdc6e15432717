import { type AdHocVariableFilter, type ScopedVars, type TypedVariableModel } from '@grafana/data';
import { type TemplateSrv } from '@grafana/runtime';
import { FILTER_OPERATORS, type QueryFilter } from '@throughline/query';
import { takesKey } from './model.ts';
import { type ThroughlineQuery } from './types.ts';

/** Dashboard variables in queries: one value, several, or all. */

const ALL_VALUE = '$__all';

type VariableOfFormat = Partial<Pick<TypedVariableModel, 'name'>> & { multi?: boolean; includeAll?: boolean };

export class Interpolator {
  readonly #templates: TemplateSrv;
  readonly #scopedVars: ScopedVars;

  constructor(templates: TemplateSrv, scopedVars: ScopedVars) {
    this.#templates = templates;
    this.#scopedVars = scopedVars;
  }

  query(query: ThroughlineQuery): ThroughlineQuery {
    switch (query.queryType) {
      case 'sql':
        return { ...query, rawSql: this.sql(query.rawSql) };
      case 'red':
      case 'overview':
      case 'serviceMap':
      case 'traceSearch':
        return { ...query, filters: this.filters(query.filters) };
      case 'edge':
        return {
          ...query,
          source: this.text(query.source),
          target: this.text(query.target),
          endpoint: this.textOrAll(query.endpoint),
        };
      case 'breakdown':
        return { ...query, service: this.text(query.service), endpoint: this.textOrAll(query.endpoint) };
      case 'traceId':
        return { ...query, query: this.text(query.query).trim() };
      case 'events':
        return {
          ...query,
          kinds: query.kinds.flatMap((kind) => (this.#isAll(kind) ? [] : this.texts(kind))),
          service: this.textOrAll(query.service),
        };
      case 'freshness':
        return query;
    }
  }

  text(text: string): string {
    return this.#templates.replace(text, this.#scopedVars);
  }

  /** Where an empty text means all. */
  textOrAll(text: string): string {
    return this.#isAll(text) ? '' : this.text(text);
  }

  /** One text per value, where `text` is one variable that has several. */
  texts(text: string): string[] {
    let values: string[] | undefined;
    const replaced = this.#templates.replace(text, this.#scopedVars, (value: unknown) => {
      if (Array.isArray(value)) values = value.map(String);
      return Array.isArray(value) ? value.join(',') : String(value);
    });
    return values !== undefined && variableName(text) !== undefined ? values : [replaced];
  }

  /** Filters without a key are being written; those by a variable set to All filter nothing. */
  filters(filters: readonly QueryFilter[]): QueryFilter[] {
    return filters.flatMap((filter) => {
      if (filter.key === '') return [];
      const written = filter.values?.length ? filter.values : [filter.value];
      if (written.some((text) => this.#isAll(text))) return [];
      const key = this.text(filter.key);
      if (filter.operator.endsWith('~')) {
        return [
          { key, operator: filter.operator, value: this.#templates.replace(filter.value, this.#scopedVars, 'regex') },
        ];
      }
      const values = written.flatMap((text) => this.texts(text));
      if (values.length === 1) return [{ key, operator: filter.operator, value: values[0]! }];
      return [severalOf(key, filter.operator, values)];
    });
  }

  /**
   * A variable that can have several values stands for a list of literals, another for its bare text, in which quotes are
   * escaped: it stands inside quotes that the user wrote, or is a number or a name.
   */
  sql(sql: string): string {
    return this.#templates.replace(
      this.#markAll(sql),
      this.#scopedVars,
      (value: unknown, variable?: VariableOfFormat) => {
        if (Array.isArray(value)) return value.map((each) => literal(String(each))).join(',');
        // What means All is read by $__conditionalAll in the backend.
        if (value === ALL_VALUE) return ALL_VALUE;
        return variable?.multi || variable?.includeAll ? literal(String(value)) : escaped(String(value));
      }
    );
  }

  /** `$__conditionalAll(condition, $name)` asks whether $name is All; interpolated, that would be the list of all values. */
  #markAll(sql: string): string {
    return sql.replaceAll(/,\s*(\$\{?\w+(?::\w+)?\}?)\s*\)/g, (whole, reference: string, offset: number) =>
      this.#isAll(reference) && isSecondOfConditionalAll(sql, offset) ? `, ${ALL_VALUE})` : whole
    );
  }

  #isAll(text: string): boolean {
    const name = variableName(text);
    // A panel repeated by the variable has one value of it.
    if (name === undefined || this.#scopedVars[name] !== undefined) return false;
    const variable = this.#templates.getVariables().find((each) => each.name === name);
    // A text of its own for All is a value like others: it may mean fewer.
    if (!variable || ('allValue' in variable && variable.allValue)) return false;
    const current: unknown = 'current' in variable ? variable.current : undefined;
    const value = typeof current === 'object' && current !== null && 'value' in current ? current.value : undefined;
    return [value].flat().includes(ALL_VALUE);
  }
}

/** The name where the whole text is one variable. */
function variableName(text: string): string | undefined {
  return /^(?:\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\])$/.exec(text.trim())?.slice(1).find(Boolean);
}

function isSecondOfConditionalAll(sql: string, comma: number): boolean {
  let depth = 0;
  for (let i = comma - 1; i >= 0; i--) {
    if (sql[i] === ')') depth++;
    else if (sql[i] === '(' && depth > 0) depth--;
    else if (sql[i] === '(') return sql.slice(0, i).endsWith('$__conditionalAll');
  }
  return false;
}

function severalOf(key: string, operator: QueryFilter['operator'], values: string[]): QueryFilter {
  return { key, operator: operator.startsWith('!') ? '!=|' : '=|', value: values[0] ?? '', values };
}

/** ClickHouse reads a backslash in a literal as an escape. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
const literal = (text: string): string => `'${escaped(text)}'`;

/**
 * Adds a dashboard's ad hoc filters to a query that takes filters; others are left as they are.
 * @throws Error for an operator that the query model has not: leaving it out would show too much
 */
export function addAdHocFilters(query: ThroughlineQuery, filters: readonly AdHocVariableFilter[]): ThroughlineQuery {
  if (!('filters' in query) || filters.length === 0) return query;
  const added = filters.flatMap(({ key, operator, value, values }): QueryFilter[] => {
    if (key === '') return [];
    const known = FILTER_OPERATORS.find((each) => each === operator);
    if (known === undefined) {
      throw new Error(`Filter ${key} ${operator} ${value}: use one of ${FILTER_OPERATORS.join(' ')}`);
    }
    if (known.endsWith('|')) return [severalOf(key, known, values?.length ? values : [value])];
    return [{ key, operator: known, value }];
  });
  return { ...query, filters: [...query.filters, ...added] };
}

export function isApplicable(queries: readonly ThroughlineQuery[], key: string): boolean {
  return queries.some((query) => takesKey(query, key));
}
