import { DatasourceError } from './errors.ts';
import { readArguments, skipOpaque } from './sqlText.ts';

/**
 * Grafana's SQL macros. They are expanded here and not in the browser, since alert rules and public dashboards never
 * pass through one. What they put into the text are numbers of the request.
 */

export interface MacroContext {
  readonly fromMs: number;
  readonly toMs: number;
  readonly intervalMs: number;
}

interface Macro {
  readonly arity: number;
  /** More arguments than `arity` are taken too. */
  readonly isVariadic?: boolean;
  readonly expand: (context: MacroContext, parameters: readonly string[]) => string;
}

const seconds = (ms: number) => Math.floor(ms / 1_000);
const intervalSeconds = ({ intervalMs }: MacroContext) => Math.max(1, Math.round(intervalMs / 1_000));
const dateTime = (ms: number) => `toDateTime(${seconds(ms)})`;
const dateTime64 = (ms: number) => `fromUnixTimestamp64Milli(toInt64(${Math.round(ms)}))`;
const date = (ms: number) => `toDate(toDateTime(${seconds(ms)}, 'UTC'))`;

/** Value that the browser writes for a variable set to "All". */
const ALL = /^['"(\s]*\$__all['")\s]*$/;

const MACROS: ReadonlyMap<string, Macro> = new Map<string, Macro>([
  ['timeFilter', { arity: 1, expand: (c, [column]) => between(column!, dateTime(c.fromMs), dateTime(c.toMs)) }],
  ['timeFilter_ms', { arity: 1, expand: (c, [column]) => between(column!, dateTime64(c.fromMs), dateTime64(c.toMs)) }],
  ['dateFilter', { arity: 1, expand: (c, [column]) => between(column!, date(c.fromMs), date(c.toMs)) }],
  [
    'dateTimeFilter',
    {
      arity: 2,
      expand: (c, [dateColumn, timeColumn]) =>
        `(${between(dateColumn!, date(c.fromMs), date(c.toMs))}) AND (${between(timeColumn!, dateTime(c.fromMs), dateTime(c.toMs))})`,
    },
  ],
  ['fromTime', { arity: 0, expand: (c) => dateTime(c.fromMs) }],
  ['toTime', { arity: 0, expand: (c) => dateTime(c.toMs) }],
  ['fromTime_ms', { arity: 0, expand: (c) => dateTime64(c.fromMs) }],
  ['toTime_ms', { arity: 0, expand: (c) => dateTime64(c.toMs) }],
  [
    'timeInterval',
    {
      arity: 1,
      expand: (c, [column]) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${intervalSeconds(c)} second)`,
    },
  ],
  [
    'timeInterval_ms',
    {
      arity: 1,
      expand: (c, [column]) =>
        `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${Math.max(1, Math.round(c.intervalMs))} millisecond)`,
    },
  ],
  ['interval', { arity: 0, expand: (c) => `${intervalSeconds(c)}s` }],
  ['interval_s', { arity: 0, expand: (c) => String(intervalSeconds(c)) }],
  ['interval_ms', { arity: 0, expand: (c) => String(Math.max(1, Math.round(c.intervalMs))) }],
  ['range_s', { arity: 0, expand: (c) => String(seconds(c.toMs - c.fromMs)) }],
  [
    'conditionalAll',
    {
      arity: 2,
      // A variable of several values is as many arguments.
      isVariadic: true,
      expand: (_c, [condition, ...values]) => (values.some((value) => ALL.test(value)) ? '1=1' : condition!),
    },
  ],
]);

export const MACRO_NAMES = Array.from(MACROS.keys(), (name) => `$__${name}`);

function between(column: string, from: string, to: string): string {
  return `${column} >= ${from} AND ${column} <= ${to}`;
}

const NAME = /\$__(\w+)/y;

/** Outside strings and comments only. @throws DatasourceError for a macro that is unknown or has other arguments */
export function expandMacros(sql: string, context: MacroContext): string {
  let expanded = '';
  for (let i = 0; i < sql.length;) {
    const opaque = skipOpaque(sql, i);
    if (opaque > i) {
      expanded += sql.slice(i, opaque);
      i = opaque;
      continue;
    }
    NAME.lastIndex = i;
    const name = NAME.exec(sql)?.[1];
    if (name === undefined) {
      expanded += sql[i];
      i++;
      continue;
    }
    i = NAME.lastIndex;
    const macro = MACROS.get(name);
    if (!macro) throw refused(`$__${name} is no macro`, `use one of ${MACRO_NAMES.join(', ')}`);
    let parameters: string[] = [];
    // A macro without arguments may stand before a parenthesis that is not its own.
    if (macro.arity > 0 || /^\(\s*\)/.test(sql.slice(i))) {
      const call = sql[i] === '(' ? readArguments(sql, i) : undefined;
      const given = call?.arguments.length ?? 0;
      if (call === undefined || (macro.isVariadic === true ? given < macro.arity : given !== macro.arity)) {
        const least = macro.isVariadic === true ? 'at least ' : '';
        throw refused(
          `$__${name} takes ${least}${macro.arity} argument${macro.arity === 1 ? '' : 's'}`,
          'correct the query'
        );
      }
      parameters = call.arguments.map((argument) => expandMacrosInArgument(name, argument, context));
      i = call.end;
    }
    expanded += macro.expand(context, parameters);
  }
  return expanded;
}

/** `$__all` is a value, not a macro, where it is compared with. */
function expandMacrosInArgument(name: string, argument: string, context: MacroContext): string {
  return name === 'conditionalAll' && ALL.test(argument) ? argument : expandMacros(argument, context);
}

function refused(what: string, hint: string): DatasourceError {
  return new DatasourceError('DATASOURCE_QUERY', what, hint);
}
