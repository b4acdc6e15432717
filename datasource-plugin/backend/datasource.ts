import {
  type CallContext,
  type DataQuery,
  type DataSourcePlugin,
  type Logger,
  type QueryAnswer,
} from '@throughline/grafana-backend';
import { parseQuery, type Query } from '@throughline/query';
import { type QueryContext, queryContext } from './context.ts';
import { DatasourceError, toDatasourceError } from './errors.ts';
import { checkStore, failed } from './health.ts';
import { Metrics } from './metrics.ts';
import { answerBreakdown } from './queries/breakdown.ts';
import { answerEdge } from './queries/edge.ts';
import { answerEvents } from './queries/events.ts';
import { answerFreshness } from './queries/freshness.ts';
import { answerOverview } from './queries/overview.ts';
import { answerRed } from './queries/red.ts';
import { answerServiceMap } from './queries/serviceMap.ts';
import { answerSql } from './queries/sql.ts';
import { answerTraceId } from './queries/traceId.ts';
import { answerTraceSearch } from './queries/traceSearch.ts';
import { answerResource } from './resources.ts';
import { readSettings } from './settings.ts';
import { StorePool } from './store.ts';
import { TraceWorkers } from './traceWorkers.ts';

export function createDatasource(logger: Logger): DataSourcePlugin {
  const stores = new StorePool();
  const workers = new TraceWorkers(logger);
  const metrics = new Metrics();

  function answer(query: Query, context: QueryContext): Promise<QueryAnswer> {
    switch (query.queryType) {
      case 'sql':
        return answerSql(query, context);
      case 'red':
        return answerRed(query, context);
      case 'overview':
        return answerOverview(query, context);
      case 'breakdown':
        return answerBreakdown(query, context);
      case 'edge':
        return answerEdge(query, context);
      case 'serviceMap':
        return answerServiceMap(query, context);
      case 'traceSearch':
        return answerTraceSearch(query, context);
      case 'traceId':
        return answerTraceId(query, context, workers);
      case 'events':
        return answerEvents(query, context);
      case 'freshness':
        return answerFreshness(query, context);
    }
  }

  async function queryData(query: DataQuery, call: CallContext): Promise<QueryAnswer> {
    const start = performance.now();
    let queryType = 'unknown';
    let outcome = 'ok';
    try {
      const settings = readSettings(call.plugin);
      const model = parseQuery(withType(parseJson(query.json), query.queryType));
      queryType = model.queryType;
      return await answer(model, queryContext(query, call, settings, stores.get(settings)));
    } catch (error) {
      const failure = toDatasourceError(error);
      outcome = failure.code;
      throw failure;
    } finally {
      metrics.countQuery(queryType, outcome, (performance.now() - start) / 1_000);
    }
  }

  return {
    queryData,
    checkHealth: async (call) => {
      let settings;
      try {
        settings = readSettings(call.plugin);
      } catch (error) {
        const { what, hint } = toDatasourceError(error);
        return failed('settings', what, hint);
      }
      return checkStore(settings, stores.get(settings), call.signal);
    },
    callResource: async (request, call) => {
      try {
        const settings = readSettings(call.plugin);
        return await answerResource(request, call, settings, stores.get(settings), workers);
      } catch (error) {
        throw toDatasourceError(error);
      }
    },
    collectMetrics: () => metrics.render(),
    close: async () => {
      await Promise.all([workers.close(), stores.close()]);
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DatasourceError('DATASOURCE_QUERY', 'the query is no JSON', 'correct the query in its editor', cause);
  }
}

/** Grafana keeps the type beside the model too; a model without one means that. */
function withType(model: unknown, queryType: string): unknown {
  if (typeof model !== 'object' || model === null || queryType === '') return model;
  return { queryType, ...model };
}
