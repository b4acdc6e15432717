/** Pieces that several dashboards' SQL consists of. Tables and columns: docs/tables.md. */

/** Names of entities as a CTE. `entities` holds one row each: its latest. */
export const NAMES = `names AS (SELECT EntityId AS Id, Name FROM entities WHERE Name != '')`;

/** Names of both ends of a row of `row`, a rollup or span. */
export const OWN_AND_PEER = `if(own.Name != '', own.Name, 'unknown') AS Own,
    multiIf(peer.Name != '', peer.Name, PeerName != '', PeerName, 'unknown') AS Peer`;

export function withNames(table: string): string {
  return `FROM ${table} AS row
  LEFT JOIN names AS own ON own.Id = row.EntityId
  LEFT JOIN names AS peer ON peer.Id = row.PeerEntityId`;
}

/** Names that requests of the time range arrived at, or that sent some: the same as the service map's nodes. */
export function serviceNames(side: 'server' | 'client'): string {
  return `
WITH ${NAMES}
SELECT Own AS service
FROM (
  SELECT ${OWN_AND_PEER}, Requests
  ${withNames('red_1m')}
  WHERE $__timeFilter(Time) AND Side = '${side}'
)
GROUP BY service
ORDER BY sum(Requests) DESC, service
LIMIT 1000`;
}

/** Whom a service called. */
export function calleesOf(variable: string): string {
  return `
WITH ${NAMES}
SELECT Peer AS callee
FROM (
  SELECT ${OWN_AND_PEER}, Requests
  ${withNames('red_1m')}
  WHERE $__timeFilter(Time) AND Side = 'client' AND Layer = 'process'
)
WHERE Own = '$${variable}'
GROUP BY callee
ORDER BY sum(Requests) DESC, callee
LIMIT 1000`;
}

/** Rollups start a bucket a minute: a chart of them has no finer step. */
export const ROLLUP_STEP = '1m';
