import { type ConnectionPool } from '../engine/pool.ts';
import { type Role } from '../guard/roles.ts';

/** What the store tells about itself, in the Prometheus text format 0.0.4. */
export class StoreMetrics {
  private readonly statements = new Map<string, number>();
  private readonly exceptions = new Map<string, number>();
  private cancelled = 0;
  private insertedRows = 0;
  private resultBytes = 0;
  private seconds = 0;

  statement(role: Role, kind: string): void {
    increment(this.statements, `role="${role}",kind="${kind}"`);
  }
  exception(code: number | undefined): void {
    increment(this.exceptions, `code="${code ?? 'none'}"`);
  }
  disconnect(): void {
    this.cancelled++;
  }
  rows(inserted: number): void {
    this.insertedRows += inserted;
  }
  answered(bytes: number, seconds: number): void {
    this.resultBytes += bytes;
    this.seconds += seconds;
  }

  render(pool: ConnectionPool): string {
    const memory = process.memoryUsage.rss();
    return [
      family('store_statements_total', 'counter', 'Statements finished without an exception.', this.statements),
      family('store_exceptions_total', 'counter', 'Statements refused or failed, by ClickHouse code.', this.exceptions),
      single('store_cancelled_statements_total', 'counter', 'Statements ended for a client that left.', this.cancelled),
      single('store_inserted_rows_total', 'counter', 'Rows inserted.', this.insertedRows),
      single('store_result_bytes_total', 'counter', 'Bytes of results sent, before compression.', this.resultBytes),
      single('store_statement_seconds_total', 'counter', 'Time requests took, summed.', this.seconds),
      single('store_connections', 'gauge', 'Connections to the engine, without sessions.', pool.size),
      single('store_connections_idle', 'gauge', 'Connections that run nothing.', pool.idleCount),
      single('store_requests_waiting', 'gauge', 'Requests that wait for a connection.', pool.waitingCount),
      single('store_sessions', 'gauge', 'Open sessions.', pool.sessionCount),
      single('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory),
    ].join('');
  }
}

function increment(counts: Map<string, number>, labels: string): void {
  counts.set(labels, (counts.get(labels) ?? 0) + 1);
}

function family(name: string, type: string, help: string, counts: ReadonlyMap<string, number>): string {
  const lines = [...counts].map(([labels, value]) => `${name}{${labels}} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function single(name: string, type: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
