import { type Role } from './roles.ts';

const reading = [
  'SelectWithUnionQuery',
  'Explain',
  'DescribeQuery',
  'ExistsTableQuery',
  'ExistsViewQuery',
  'ExistsDatabaseQuery',
  'ShowTables',
  'ShowColumns',
  'ShowFunctions',
  'ShowIndexes',
  'ShowCreateTableQuery',
  'ShowCreateViewQuery',
  'ShowCreateDatabaseQuery',
  'ShowEngineQuery',
];
const writing = [...reading, 'InsertQuery'];
const administering = [
  ...writing,
  'CreateQuery',
  'DropQuery',
  'TruncateQuery',
  'AlterQuery',
  'OptimizeQuery',
  'Rename',
  'DeleteQuery',
  'UpdateQuery',
  'CheckQuery',
];

/** Kinds of statement by role, as the root of the syntax tree names them. */
export const statementKinds: Readonly<Record<Role, ReadonlySet<string>>> = {
  read: new Set(reading),
  write: new Set(writing),
  admin: new Set(administering),
};

/** Table functions that make rows of their own arguments. Every other one is refused, for every role. */
export const tableFunctions: ReadonlySet<string> = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'primes',
  'generate_series',
  'generateseries',
  'generaterandom',
  'values',
  'sqlstandardvalues',
  'format',
  'null',
  'view',
]);

/**
 * Scalar functions that read files, dictionaries, Join tables, other hosts or the machine. Not covered by the engine's
 * grants: `file` above all.
 */
export const forbiddenFunctions =
  /^(file|dict(get|has|isin)\w*|joinget\w*|hascolumnintable|ai[a-z]*|addressto\w+|getserversetting|getserverport|getmacro|getclienthttpheader|serveruuid|filesystem\w*|naivebayes\w*|catboostevaluate|getoskernelversion|logtrace)$/;

/** Tables of `system` that tell about the engine and the tables, not about other users' statements or the machine. */
export const systemTables: ReadonlySet<string> = new Set([
  'one',
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'primes',
  'tables',
  'columns',
  'databases',
  'parts',
  'parts_columns',
  'projection_parts',
  'projections',
  'data_skipping_indices',
  'detached_parts',
  'merges',
  'functions',
  'table_functions',
  'table_engines',
  'database_engines',
  'aggregate_function_combinators',
  'data_type_families',
  'data_skipping_index_types',
  'formats',
  'keywords',
  'completions',
  'collations',
  'time_zones',
  'unicode',
  'settings',
  'merge_tree_settings',
  'build_options',
  'contributors',
  'licenses',
  'documentation',
  'metrics',
  'events',
  'asynchronous_metrics',
]);

/** Table and database engines that keep their data in the store's own folder or nowhere. */
export const engines =
  /^((Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|Coalescing)?MergeTree|View|MaterializedView|Memory|Null|Log|TinyLog|StripeLog|Join|Set|Buffer|Atomic)$/;

/** Commands of ALTER that stay inside the table: no FREEZE, FETCH, MOVE TO DISK, ATTACH, EXPORT. */
export const alterCommands =
  /^(ADD|DROP|MODIFY|RENAME|COMMENT|MATERIALIZE|CLEAR|RESET|REMOVE|UPDATE|DELETE|NO_TYPE)(_(?!DETACHED|DISK)[A-Z]+)*$/;
