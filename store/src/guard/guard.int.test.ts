import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let store: RunningStore;

beforeAll(async () => {
  store = await startStore({ environment: { THROUGHLINE_STORE_CONNECTIONS: '2' } });
  const created = await fetch(store.url, {
    method: 'POST',
    body: 'CREATE DATABASE throughline',
    headers: { Authorization: `Bearer ${store.adminToken}` },
  });
  expect(created.status).toBe(200);
  for (const sql of [
    'CREATE TABLE throughline.t (a UInt64, s String) ENGINE = MergeTree ORDER BY a',
    "INSERT INTO throughline.t SELECT number, 'x' FROM numbers(10)",
  ]) {
    expect(await ask('admin', sql)).toMatchObject({ status: 200 });
  }
});
afterAll(async () => {
  expect(await store.stop()).toBe(0);
});

async function ask(
  role: 'read' | 'write' | 'admin',
  sql: string,
  query = ''
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${store.url}/?database=throughline${query}`, {
    method: 'POST',
    body: sql,
    headers: { Authorization: `Bearer ${store[`${role}Token`]}` },
  });
  return { status: response.status, text: await response.text() };
}

/** Denied before it ran: by the guard, by the parser, or as unknown; never a result, never the engine's own failure. */
const denied = /\((ACCESS_DENIED|SYNTAX_ERROR|SETTING_CONSTRAINT_VIOLATION|UNKNOWN_SETTING|UNKNOWN_QUERY_PARAMETER)\)/;

const outfile = () => join(store.path, 'user_files', 'out');

const attacksOnReading: readonly string[] = [
  // files
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT file('/etc/passwd')",
  "SELECT 1 WHERE (SELECT count() FROM file('/etc/passwd', 'LineAsString')) > 0",
  "WITH x AS (SELECT * FROM file('/etc/passwd', 'LineAsString')) SELECT * FROM x",
  "SELECT 1 UNION ALL SELECT length(file('/etc/passwd'))",
  "SELECT * FROM /* numbers(1) */ `file`('/etc/passwd', 'LineAsString') -- numbers",
  "SELECT 1 IN file('/etc/passwd', 'LineAsString')",
  "SELECT * FROM (SELECT * FROM (SELECT * FROM FILE('/etc/passwd', 'LineAsString')))",
  "SELECT a FROM t JOIN file('/etc/passwd', 'LineAsString') f ON f.line = t.s",
  "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
  "SELECT a FROM t ORDER BY file('/etc/passwd')",
  "SELECT * FROM view(SELECT * FROM file('/etc/passwd', 'LineAsString'))",
  "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
  "DESCRIBE (SELECT * FROM file('/etc/passwd', 'LineAsString'))",
  "EXPLAIN AST SELECT * FROM file('/etc/passwd')",
  "EXPLAIN PLAN SELECT (SELECT file('/etc/passwd'))",
  "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:9', 'd', 't', 'u', 'p') PARTITION BY a",
  "SELECT * FROM filesystem('/etc')",
  "SELECT * FROM sqlite('/etc/x.db', 't')",
  "SELECT 1 INTO OUTFILE 'OUT'",
  "SELECT 1 INTO OUTFILE 'OUT' TRUNCATE FORMAT CSV",
  "SHOW TABLES INTO OUTFILE 'OUT'",
  "EXPLAIN SELECT 1 INTO OUTFILE 'OUT'",
  "DESCRIBE TABLE t INTO OUTFILE 'OUT'",
  // other hosts and processes
  "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
  "SELECT * FROM remote('127.0.0.1:9', system.one)",
  "SELECT * FROM remoteSecure('127.0.0.1:9', view(SELECT 1))",
  "SELECT * FROM cluster('default', system.one)",
  "SELECT * FROM s3('http://127.0.0.1:9/b/x.csv')",
  "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
  "SELECT * FROM postgresql('127.0.0.1:9', 'd', 't', 'u', 'p')",
  "SELECT * FROM mongodb('127.0.0.1:9', 'd', 't', 'u', 'p', 'a UInt8')",
  "SELECT * FROM redis('127.0.0.1:9', 'key', 'key String')",
  "SELECT * FROM odbc('DSN=x', 'd', 't')",
  "SELECT * FROM executable('cat /etc/passwd', 'TSV', 'a String')",
  "SELECT * FROM iceberg('http://127.0.0.1:9/x')",
  "SELECT * FROM deltaLakeLocal('/etc')",
  "SELECT aiGenerate('x', 'y')",
  "SELECT dictGet('throughline.d', 'a', 1)",
  "SELECT * FROM dictionary('throughline.d')",
  "SELECT * FROM eval('SELECT * FROM file(''/etc/passwd'')')",
  // other users and the engine
  'SELECT * FROM system.processes',
  'SELECT 1 IN system.processes',
  'SELECT * FROM system.`query_log`',
  'SELECT * FROM system.server_settings',
  "SELECT * FROM merge('system', 'proc.*')",
  'SELECT * FROM loop(system.processes)',
  'SHOW PROCESSLIST',
  'SHOW GRANTS',
  'KILL QUERY WHERE 1 ASYNC',
  'SYSTEM STOP MERGES',
  'SYSTEM SHUTDOWN',
  "SELECT getServerSetting('max_server_memory_usage')",
  'EXECUTE AS default SELECT 1',
  // limits
  'SELECT 1 SETTINGS max_execution_time = 0',
  'SELECT 1 SETTINGS max_memory_usage = 100000000000',
  'SELECT * FROM (SELECT 1 SETTINGS max_result_rows = 0)',
  'SELECT 1 FORMAT JSON SETTINGS max_execution_time = 86400',
  'SELECT 1 SETTINGS readonly = 0',
  "SELECT 1 SETTINGS result_overflow_mode = 'break', max_result_rows = 1",
  "SELECT 1 SETTINGS dialect = 'prql'",
  "SELECT 1 SETTINGS format_schema = '/etc/passwd:x'",
  "SELECT 1 SETTINGS log_comment = 'x'",
  'SELECT 1 /* c */ SETTINGS -- c\n `max_execution_time` = 0',
  'SET max_execution_time = 0',
  'SET readonly = 0',
  // writing
  'SELECT 1; DROP TABLE t',
  'SELECT 1;;SELECT 2',
  "INSERT INTO t VALUES (1, '')",
  "INSERT INTO FUNCTION file('OUT') SELECT 1",
  'EXPLAIN INSERT INTO t SELECT 1, 2',
  'SELECT 1 PARALLEL WITH SELECT 2',
  'CREATE TABLE x (a UInt8) ENGINE = Memory',
  'CREATE TEMPORARY TABLE x (a UInt8)',
  "CREATE VIEW v AS SELECT * FROM file('/etc/passwd')",
  'CREATE FUNCTION f AS x -> file(x)',
  'DROP TABLE t',
  'TRUNCATE TABLE t',
  'ALTER TABLE t DELETE WHERE 1',
  'DELETE FROM t WHERE 1',
  'OPTIMIZE TABLE t FINAL',
  'RENAME TABLE t TO u',
  'DETACH TABLE t',
  "ATTACH TABLE x FROM '/tmp' (a UInt8) ENGINE = MergeTree ORDER BY a",
  "BACKUP TABLE t TO File('OUT')",
  "RESTORE TABLE t FROM File('OUT')",
  'GRANT ALL ON *.* TO default',
  'CREATE USER u',
  'USE system',
  'BEGIN TRANSACTION',
];

const attacksOnWriting: readonly string[] = [
  "INSERT INTO t SELECT 1, line FROM file('/etc/passwd', 'LineAsString')",
  "INSERT INTO t SELECT 1, file('/etc/passwd')",
  "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
  "INSERT INTO FUNCTION file('OUT', 'CSV', 'a UInt8') SELECT 1",
  "INSERT INTO FUNCTION remote('127.0.0.1:9', 'd.t') SELECT 1",
  "INSERT INTO t SELECT * FROM input('a UInt64, s String') WHERE s = file('/etc/passwd') FORMAT CSV\n1,a\n",
  'INSERT INTO system.one VALUES (1)',
  "INSERT INTO t SETTINGS max_memory_usage = 100000000000 VALUES (1, 'x')",
  'DROP TABLE t',
  'ALTER TABLE t ADD COLUMN b UInt8',
  'CREATE TABLE x (a UInt8) ENGINE = Memory',
  'TRUNCATE TABLE t',
  'SELECT * FROM system.processes',
  'SYSTEM FLUSH LOGS',
];

const attacksOnAdministering: readonly string[] = [
  "CREATE TABLE x (a String) ENGINE = File(LineAsString, '/etc/passwd')",
  "CREATE TABLE x (a String) ENGINE = URL('http://127.0.0.1:9/', CSV)",
  'CREATE TABLE x (a String) ENGINE = `File`(CSV)',
  "CREATE TABLE x AS url('http://127.0.0.1:9/', 'CSV', 'a UInt8')",
  "CREATE TABLE x (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'local', path = '/tmp/')",
  'CREATE MATERIALIZED VIEW v ENGINE = File(CSV) AS SELECT a FROM t',
  "CREATE VIEW v AS SELECT * FROM file('/etc/passwd')",
  "CREATE DATABASE d ENGINE = MySQL('127.0.0.1:9', 'd', 'u', 'p')",
  "CREATE DICTIONARY d (a UInt64, b String) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id' FORMAT TSV)) LAYOUT(FLAT()) LIFETIME(1)",
  'CREATE FUNCTION f AS x -> file(x)',
  'ALTER TABLE t FREEZE',
  "ALTER TABLE t MODIFY SETTING storage_policy = 'x'",
  "ALTER TABLE t MOVE PARTITION tuple() TO DISK 'x'",
  "ALTER TABLE t FETCH PARTITION tuple() FROM '/x'",
  "BACKUP TABLE t TO File('OUT')",
  "ATTACH TABLE x FROM '/tmp' (a UInt8) ENGINE = MergeTree ORDER BY a",
  "SELECT 1 INTO OUTFILE 'OUT'",
  "SELECT * FROM file('/etc/passwd')",
  'CREATE USER u',
  'SYSTEM SHUTDOWN',
  'SELECT 1; SELECT 2',
];

describe('statements that are refused', () => {
  const cases = [
    ...attacksOnReading.map((sql) => ['read', sql] as const),
    ...attacksOnWriting.map((sql) => ['write', sql] as const),
    ...attacksOnAdministering.map((sql) => ['admin', sql] as const),
  ];
  it.each(cases)('%s: %s', async (role, sql) => {
    const { status, text } = await ask(role, sql.replaceAll('OUT', outfile()));
    expect(text).toMatch(denied);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain('root:x:0:0');
    expect(existsSync(outfile())).toBe(false);
  });

  it('refuses a forbidden table named by an identifier parameter', async () => {
    const { text } = await ask('read', 'SELECT * FROM {x:Identifier}', '&param_x=system.processes');
    expect(text).toMatch(/ACCESS_DENIED/);
  });

  it('takes values in VALUES as literals only', async () => {
    const { text } = await ask('write', "INSERT INTO t VALUES (1, file('/etc/hostname'))");
    expect(text).toMatch(/SUPPORT_IS_DISABLED|CANNOT_PARSE/);
  });

  it('resolves tables against the database of the request', async () => {
    const response = await fetch(`${store.url}/?database=system`, {
      method: 'POST',
      body: 'SELECT * FROM processes',
      headers: { Authorization: `Bearer ${store.readToken}` },
    });
    expect(await response.text()).toMatch(/ACCESS_DENIED/);
  });

  it.each(['limit=1', 'offset=1', 'max_result_rows=1', 'extremes=1', 'max_block_size=1'])(
    'sees the whole syntax tree whatever the request sets: %s',
    async (setting) => {
      const { text } = await ask('read', "SELECT a, (SELECT file('/etc/passwd')) FROM t", `&${setting}`);
      expect(text).toMatch(/ACCESS_DENIED/);
    }
  );

  it('refuses settings of the request that reach outside', async () => {
    for (const setting of ['format_schema=/etc/x', 'dialect=prql', 'format_avro_schema_registry_url=http://x']) {
      expect((await ask('read', 'SELECT 1', `&${setting}`)).text).toMatch(/SETTING_CONSTRAINT_VIOLATION/);
    }
  });

  it('keeps its limits whatever the request sets', async () => {
    const { text } = await ask(
      'read',
      "SELECT getSetting('max_execution_time'), getSetting('max_result_rows')",
      '&max_execution_time=0&max_result_rows=5'
    );
    expect(text.trim()).toBe('60\t5');
  });

  it('lost nothing to all of this', async () => {
    expect((await ask('read', 'SELECT count() FROM t')).text.trim()).toBe('10');
    expect((await ask('read', 'SHOW TABLES FROM throughline')).text.trim()).toBe('t');
  });
});

describe('statements that are allowed', () => {
  it.each([
    ['read', 'SELECT count() FROM t WHERE a IN (SELECT number FROM numbers(5))', '5'],
    ['read', 'WITH q AS (SELECT max(a) m FROM t) SELECT m FROM q', '9'],
    ['read', 'FROM numbers(3) SELECT sum(number)', '3'],
    ['read', 'SELECT 1 SETTINGS max_threads = 2, max_execution_time = 5', '1'],
    ['read', 'SELECT 1;', '1'],
    ['read', 'SELECT 1 -- ; SELECT 2', '1'],
    ['read', "SELECT 'a; INTO OUTFILE b'", 'a; INTO OUTFILE b'],
    ['read', "SELECT format('{} {}', 'a', 'b')", 'a b'],
    ['read', 'SELECT map(1, 2)[1]', '2'],
    ['read', "SHOW DATABASES LIKE 'through%'", 'throughline'],
    ['read', "SELECT name FROM system.columns WHERE table = 't' ORDER BY name LIMIT 1", 'a'],
    ['read', 'EXISTS TABLE t', '1'],
    ['read', 'SELECT settings FROM (SELECT 7 AS settings)', '7'],
    ['write', 'SELECT count() > 0 FROM t', 'true'],
    ['admin', 'SELECT count() > 0 FROM system.processes', 'true'],
  ] as const)('%s: %s', async (role, sql, expected) => {
    const { text } = await ask(role, sql, '&bool_true_representation=true');
    expect(text.trim().replace(/^1$/, expected === 'true' ? 'true' : '1')).toBe(expected);
  });

  it.each([
    'DESCRIBE TABLE t',
    'EXPLAIN SELECT a FROM t',
    'EXPLAIN PIPELINE graph = 1 SELECT a FROM t',
    'SHOW CREATE TABLE t',
    'SELECT a, sum(a) OVER (PARTITION BY s ORDER BY a) FROM t',
    'SELECT quantile(0.5)(a), argMax(s, a) FROM t GROUP BY s WITH TOTALS',
    "SELECT * FROM t FINAL SAMPLE 0.5 UNION DISTINCT SELECT 1, 'q'",
    'SELECT arrayJoin([1, 2]) AS x, t.* FROM t ARRAY JOIN [1] AS y LIMIT 1 BY a',
    'SELECT 1 INTERSECT SELECT 1',
    "SELECT * FROM generateRandom('a UInt8', 1) LIMIT 1",
  ])('read: %s', async (sql) => {
    const { status, text } = await ask('read', sql);
    if (sql.includes('SAMPLE')) expect(text).not.toMatch(/ACCESS_DENIED/);
    else expect([status, text.slice(0, 200)]).toEqual([200, text.slice(0, 200)]);
  });

  it.each([
    'CREATE TABLE a1 (a UInt64, t DateTime, INDEX i a TYPE bloom_filter GRANULARITY 1) ENGINE = ReplacingMergeTree PARTITION BY toDate(t) ORDER BY a TTL t + INTERVAL 1 DAY SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 100, ttl_only_drop_parts = 1',
    'CREATE TABLE a2 (a UInt64, n AggregateFunction(count)) ENGINE = AggregatingMergeTree ORDER BY a',
    'CREATE MATERIALIZED VIEW a3 TO a2 AS SELECT a, countState() AS n FROM a1 GROUP BY a',
    'CREATE VIEW a4 AS SELECT * FROM a1',
    'ALTER TABLE a1 ADD COLUMN IF NOT EXISTS b String',
    'ALTER TABLE a1 MODIFY TTL t + INTERVAL 2 DAY',
    'ALTER TABLE a1 MODIFY SETTING ttl_only_drop_parts = 0',
    'ALTER TABLE a1 ADD INDEX j b TYPE bloom_filter',
    "ALTER TABLE a1 DROP PARTITION ID '20200101'",
    'OPTIMIZE TABLE a1 FINAL',
    'RENAME TABLE a4 TO a5',
    'TRUNCATE TABLE a1',
    'DROP VIEW a5',
    'DROP TABLE a1',
  ])('admin: %s', async (sql) => {
    const { status, text } = await ask('admin', sql);
    expect([status, text]).toEqual([200, '']);
  });
});
