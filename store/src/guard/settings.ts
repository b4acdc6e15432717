import { type Role } from './roles.ts';

export interface StatementLimits {
  /** Seconds; 0 = no limit. */
  readonly maxExecutionSeconds: number;
  readonly maxMemoryBytes: number;
  /** 0 = no limit. */
  readonly maxResultRows: number;
  readonly maxResultBytes: number;
}

export type SettingVerdict =
  | { readonly kind: 'set'; readonly value: string }
  /** The request's value would raise a limit; the limit stands. */
  | { readonly kind: 'limit'; readonly value: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Limits by ClickHouse's setting name. 0 means none, both as limit and as a request's value. */
export function limitSettings(limits: StatementLimits): ReadonlyMap<string, number> {
  return new Map([
    ['max_execution_time', limits.maxExecutionSeconds],
    ['max_memory_usage', limits.maxMemoryBytes],
    ['max_result_rows', limits.maxResultRows],
    ['max_result_bytes', limits.maxResultBytes],
    ['max_threads', 16],
    ['max_insert_threads', 16],
  ]);
}

/** Settings that shape input, output and execution of one statement and reach nothing outside it. */
const harmless =
  /^(output_format_|input_format_|date_time_|bool_|max_|min_|join_|optimize_|group_by_|distinct_|compile_|enable_optimize|enable_analyzer$|allow_experimental_analyzer$|enable_json_type$|allow_experimental_json_type$|allow_experimental_(variant|dynamic|object)_type$|allow_suspicious_|use_uncompressed_cache$|use_query_cache$|use_skip_indexes|use_index|extremes$|session_timezone$|async_insert|wait_for_async_insert|wait_end_of_query$|insert_|deduplicate_|materialized_views_|async_insert_deduplicate$|final$|limit$|offset$|send_|priority$|totals_|any_join_|aggregate_|empty_result_|cast_|transform_null_in$|union_default_mode$|prefer_|force_|preferred_|throw_on_|timeout_overflow_mode$|timeout_before_checking_|read_overflow_mode$|read_in_order_|query_plan_|log_queries$|enable_filesystem_cache$|http_|describe_|flatten_nested$|format_csv_|format_custom_|format_tsv_|format_regexp|format_binary_|interactive_delay$|network_|connect_timeout|receive_timeout$|keep_alive_timeout$|short_circuit_|count_distinct_|partial_merge_|cross_|exact_rows_before_limit$|select_sequential_consistency$|parallel_|type_json_|schema_inference_|low_cardinality_|allow_nondeterministic_optimize_|text_index_|enable_full_text_index$|allow_experimental_full_text_index$)/;

/**
 * Names `harmless` would let through that read a file or speak to another host, or take away a limit by another road.
 */
const harmful =
  /schema_registry|_url$|_uri$|template|disk|proxy|directory|_path$|overflow_mode$|max_query_size|max_parser_|max_ast_|max_subquery_depth|max_concurrent_queries|max_untracked|max_memory_usage_for|max_server|max_estimated|parallel_replicas|max_parallel_replicas|send_logs|http_forbid|http_skip|format_schema/;

/** Set whether or not the request does, and for nobody to change. */
export const fixedSettings: ReadonlyMap<string, string> = new Map([
  ['result_overflow_mode', 'throw'],
  ['timeout_overflow_mode', 'throw'],
  // Values in VALUES are literals: an expression there could call `file`, and no syntax tree shows inline data.
  ['input_format_values_interpret_expressions', '0'],
  ['input_format_values_deduce_templates_of_expressions', '0'],
]);

/** Clients send these for their own default; the store's values are the ones that hold. */
const ignored = new Set([...fixedSettings.keys(), 'log_comment', 'send_logs_level', 'readonly']);

export function isIgnoredSetting(name: string): boolean {
  return ignored.has(name);
}

/**
 * Whether a statement of this role may run with the setting.
 * @param value undefined: not a literal, so it cannot be compared with a limit
 */
export function judgeSetting(
  role: Role,
  name: string,
  value: string | undefined,
  limits: ReadonlyMap<string, number>
): SettingVerdict {
  const limit = limits.get(name);
  if (limit !== undefined && role !== 'admin') {
    const wanted = value === undefined ? Number.NaN : Number(value);
    if (limit === 0 && Number.isFinite(wanted) && wanted >= 0) return { kind: 'set', value: String(wanted) };
    const lowers = Number.isFinite(wanted) && wanted > 0 && wanted <= limit;
    return lowers ? { kind: 'set', value: String(wanted) } : { kind: 'limit', value: String(limit) };
  }
  if (fixedSettings.has(name)) return { kind: 'refused', reason: 'its value is fixed' };
  const allowed = role === 'admin' ? !adminForbidden.test(name) : harmless.test(name) && !harmful.test(name);
  if (!allowed) return { kind: 'refused', reason: `the ${role} token may not change it` };
  return { kind: 'set', value: value ?? '' };
}

/** What not even DDL may choose: where data lies, other languages, and what opens the engine to the outside. */
const adminForbidden =
  /disk|storage_policy|^readonly$|^dialect$|implicit_select|^allow_ddl$|schema_registry|format_schema|template|allow_introspection|ai_functions|eval_table_function|_url$|_path$/;
