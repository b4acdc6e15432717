/** A statement with its parameters. Values never enter the text: `bind` gives the placeholder to write instead. */

export type ParameterType =
  'String' | 'UInt8' | 'UInt32' | 'UInt64' | 'Int64' | 'Float64' | 'Array(String)' | 'Array(UInt64)';

export type ParameterValue = string | number | bigint | readonly string[] | readonly bigint[];

export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

export class Parameters {
  readonly #values: Record<string, ParameterValue> = {};
  #count = 0;

  bind(value: ParameterValue, type: ParameterType): string {
    const name = `p${this.#count++}`;
    this.#values[name] = value;
    return `{${name}:${type}}`;
  }

  statement(sql: string): Statement {
    return { sql, parameters: this.#values };
  }
}

/** A name inside backticks; for columns that ClickHouse itself named. */
export function quoteIdentifier(name: string): string {
  return '`' + name.replaceAll('\\', '\\\\').replaceAll('`', '\\`') + '`';
}
