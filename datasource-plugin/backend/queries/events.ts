import { type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import { eventsFrame, type EventsQuery, type FrameRow } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { nodeLink, toFrame } from '../frames.ts';
import { namesCte } from '../rollup.ts';
import { tenantCondition, timeCondition } from '../scope.ts';
import { Parameters, type Statement } from '../statement.ts';

/** What changed, newest first: processes, agents, rows that were dropped. */
export async function answerEvents(query: EventsQuery, context: QueryContext): Promise<QueryAnswer> {
  const statement = eventsStatement(query, context);
  const found = await context.store.rows<EventRow>(statement, context.run);
  const rows = found.slice(0, query.limit).map((row): FrameRow<typeof eventsFrame> => ({
    time: BigInt(row.Time),
    timeEnd: null,
    title: row.Title,
    text: Object.entries(row.Attributes)
      .map(([key, value]) => `${key}: ${value}`)
      .join('\n'),
    tags: [row.Kind, row.Service, row.Host].filter((tag) => tag !== ''),
    id: row.Id,
    kind: row.Kind,
    service: row.Service,
    host: row.Host,
  }));
  const notices: Notice[] = [];
  if (found.length > query.limit) {
    notices.push({ severity: 'info', text: `Only the newest ${query.limit} events are shown.` });
  }
  const meta = { executedQueryString: statement.sql, ...(notices.length > 0 && { notices }) };
  return { frames: [toFrame(eventsFrame, rows, { meta, config: { service: { links: [nodeLink('service')] } } })] };
}

interface EventRow {
  readonly Time: string;
  readonly Id: string;
  readonly Kind: string;
  readonly Title: string;
  readonly Service: string;
  readonly Host: string;
  readonly Attributes: Readonly<Record<string, string>>;
}

function eventsStatement(query: EventsQuery, { settings, fromMs, toMs }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const conditions = [
    tenantCondition(settings, parameters),
    timeCondition('events.Timestamp', fromMs, toMs, parameters),
    ...(query.kinds.length > 0 ? [`events.Kind IN ${parameters.bind(query.kinds, 'Array(String)')}`] : []),
    ...(query.service !== '' ? [`own.Name = ${parameters.bind(query.service, 'String')}`] : []),
  ];
  // Several ingests may each tell the same change.
  return parameters.statement(`WITH ${names}
SELECT
  toUnixTimestamp64Nano(events.Timestamp) AS Time,
  lower(hex(cityHash64(events.Kind, events.EntityId, events.HostId, events.Timestamp, events.Title))) AS Id,
  events.Kind AS Kind,
  events.Title AS Title,
  own.Name AS Service,
  events.HostId AS Host,
  events.Attributes AS Attributes
FROM events
LEFT JOIN names AS own ON own.Id = events.EntityId
WHERE ${conditions.join(' AND ')}
ORDER BY events.Timestamp DESC, Id
LIMIT 1 BY Id
LIMIT ${parameters.bind(query.limit + 1, 'UInt32')}`);
}
