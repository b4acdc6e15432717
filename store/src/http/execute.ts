import { randomUUID } from 'node:crypto';
import { type Connection, type Statistics } from '../engine/connection.ts';
import { type ConnectionPool } from '../engine/pool.ts';
import { quoteString } from '../engine/quoting.ts';
import { type Spool, type SpoolFile } from '../engine/Spool.ts';
import { StatementError } from '../errors.ts';
import { type Guard, type Inspected } from '../guard/Guard.ts';
import { insertFromFile } from '../guard/insertStatement.ts';
import { type Role } from '../guard/roles.ts';
import { fixedSettings, isIgnoredSetting, judgeSetting } from '../guard/settings.ts';
import { isWord } from '../guard/tokens.ts';
import { type StatementRequest } from './request.ts';

export interface Engine {
  readonly pool: ConnectionPool;
  readonly guard: Guard;
  readonly spool: Spool;
  /** Names of the engine's settings, to tell an unknown one from a forbidden one. */
  readonly settingNames: ReadonlySet<string>;
  /** The engine's version, e.g. 26.7.2.1. */
  readonly version: string;
  readonly limits: Readonly<Record<Role, ReadonlyMap<string, number>>>;
}

export interface Outcome extends Statistics {
  readonly kind: string;
  readonly writtenRows: number;
  readonly resultRows: number;
}

export interface ResultSink {
  /** Before the first bytes; the format the answer has. */
  begin(format: string): void;
  write(bytes: Uint8Array): Promise<void>;
}

/** One statement of one request, from judging it to its last byte. */
export class Execution {
  private readonly engine: Engine;
  private readonly executionId = randomUUID();
  private connection: Connection | undefined;
  private cancelled = false;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  async run(request: StatementRequest, role: Role, sink: ResultSink): Promise<Outcome> {
    const settings = effectiveSettings(request.settings, role, this.engine);
    const file = request.insert === undefined ? undefined : await this.engine.spool.write(request.insert.data);
    try {
      const use = (connection: Connection) => this.runOn(connection, request, role, settings, file, sink);
      if (request.session === undefined) return await this.engine.pool.withConnection(use);
      const { id, timeoutSeconds, mustExist } = request.session;
      return await this.engine.pool.withSession(id, role, timeoutSeconds, mustExist, use);
    } catch (error) {
      // Where the body lay is nothing to a client.
      if (file === undefined || !(error instanceof StatementError)) throw error;
      throw new StatementError(undefined, error.message.replaceAll(file.path, 'request body'));
    } finally {
      file?.remove();
    }
  }

  /** End the statement, wherever it is. Resolves when the engine has been told. */
  async cancel(): Promise<void> {
    this.cancelled = true;
    // The statement may be on its way into the engine, where a kill does not find it yet.
    while (this.connection !== undefined) {
      this.connection.cancel();
      await this.engine.pool.kill(this.executionId).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  private async runOn(
    connection: Connection,
    request: StatementRequest,
    role: Role,
    settings: ReadonlyMap<string, string>,
    file: SpoolFile | undefined,
    sink: ResultSink
  ): Promise<Outcome> {
    if (this.cancelled) throw new StatementError(394, 'Query was cancelled before it started.');
    this.connection = connection;
    try {
      const guarded = {
        statement: request.statement,
        role,
        database: request.database,
        parameters: request.parameters,
        limits: this.engine.limits[role],
      };
      const recalled = this.engine.guard.recall(guarded);
      if (recalled !== undefined && file?.bytes === 0) return emptyInsert;
      // From here on the statements must run: the connection no longer remembers what they take back.
      const context = connection.contextStatements({ ...request, executionId: this.executionId });
      const inspected = recalled ?? (await this.engine.guard.inspect(connection, context, guarded));
      if (file?.bytes === 0) return emptyInsert;
      const setup = [...(recalled === undefined ? [] : context), ...connection.settingStatements(settings)];
      let sql = request.statement;
      if (request.insert !== undefined && file !== undefined) {
        const clause = `FROM INFILE ${quoteString(file.path)} COMPRESSION '${request.insert.compression}'`;
        sql = insertFromFile(inspected.formatted, inspected.formattedText, clause);
      }
      const format = formatOf(inspected) ?? request.defaultFormat;
      sink.begin(format);
      let resultRows = 0;
      const statistics = await connection.run(
        setup,
        { sql, format: request.defaultFormat, stream: canStream(inspected, format, settings) },
        (bytes, rows) => {
          resultRows += rows;
          return sink.write(bytes);
        }
      );
      // The engine counts rows read from the file, not rows written.
      const writtenRows = inspected.kind === 'InsertQuery' ? statistics.rowsRead : 0;
      return { ...statistics, kind: inspected.kind, writtenRows, resultRows };
    } finally {
      this.connection = undefined;
    }
  }
}

const emptyInsert: Outcome = {
  kind: 'InsertQuery',
  rowsRead: 0,
  bytesRead: 0,
  elapsedSeconds: 0,
  writtenRows: 0,
  resultRows: 0,
};

/**
 * Formats whose pieces, one after another, are the whole. The engine writes each piece of a stream as a document of its
 * own, so formats with a header, a footer or a schema (JSON, CSVWithNames, ArrowStream, Parquet) must come in one.
 */
const streamableFormats =
  /^(JSONEachRow|JSONLines|NDJSON|JSONStringsEachRow|JSONCompactEachRow|JSONCompactStringsEachRow|TabSeparated|TSV|TabSeparatedRaw|TSVRaw|CSV|TSKV|LineAsString|Native|RowBinary|MsgPack|Null)$/;

function canStream(inspected: Inspected, format: string, settings: ReadonlyMap<string, string>): boolean {
  if (inspected.kind !== 'SelectWithUnionQuery' || !streamableFormats.test(format)) return false;
  // Totals and extremes follow the rows in a part of their own.
  const extremes = settings.get('extremes') ?? '0';
  return extremes === '0' && !inspected.formatted.some((token) => isWord(token, 'TOTALS') || isWord(token, 'EXTREMES'));
}

/** The FORMAT clause of a statement, which stands at its end, before SETTINGS if any. */
function formatOf(inspected: Inspected): string | undefined {
  if (inspected.kind === 'InsertQuery') return undefined;
  const { formatted } = inspected;
  for (let at = formatted.length - 2; at > 0; at--) {
    const name = formatted[at + 1];
    if (isWord(formatted[at], 'FORMAT') && (name?.kind === 'word' || name?.kind === 'quoted')) {
      const next = formatted[at + 2];
      if (next === undefined || isWord(next, 'SETTINGS')) return name.text;
    }
  }
  return undefined;
}

/** The request's settings where they are allowed, under the role's limits. */
function effectiveSettings(asked: ReadonlyMap<string, string>, role: Role, engine: Engine): Map<string, string> {
  const limits = engine.limits[role];
  const settings = new Map<string, string>(fixedSettings);
  for (const [name, value] of limits) if (value > 0) settings.set(name, String(value));
  for (const [name, value] of asked) {
    if (isIgnoredSetting(name)) continue;
    if (!engine.settingNames.has(name)) throw new StatementError(115, `Unknown setting '${name}'`);
    const verdict = judgeSetting(role, name, value, limits);
    if (verdict.kind === 'refused') throw new StatementError(452, `Setting ${name}: ${verdict.reason}`);
    settings.set(name, verdict.value);
  }
  return settings;
}
