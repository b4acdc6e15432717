/** The backend's own counters, in Prometheus text format. */

export class Metrics {
  readonly #queries = new Map<string, number>();
  #querySeconds = 0;
  #queryCount = 0;

  /** @param outcome ok, or the error's code */
  countQuery(queryType: string, outcome: string, seconds: number): void {
    const key = `query_type="${queryType}",outcome="${outcome}"`;
    this.#queries.set(key, (this.#queries.get(key) ?? 0) + 1);
    this.#querySeconds += seconds;
    this.#queryCount++;
  }

  render(): string {
    return [
      '# HELP datasource_queries_total Queries answered, by type and outcome.',
      '# TYPE datasource_queries_total counter',
      ...Array.from(this.#queries, ([labels, count]) => `datasource_queries_total{${labels}} ${count}`),
      '# HELP datasource_query_duration_seconds Time from a query to its frames.',
      '# TYPE datasource_query_duration_seconds summary',
      `datasource_query_duration_seconds_sum ${this.#querySeconds}`,
      `datasource_query_duration_seconds_count ${this.#queryCount}`,
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      '',
    ].join('\n');
  }
}
