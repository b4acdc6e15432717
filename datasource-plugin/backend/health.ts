import { type HealthAnswer } from '@throughline/grafana-backend';
import { toDatasourceError } from './errors.ts';
import { DATABASE, tenantCondition } from './scope.ts';
import { type Settings } from './settings.ts';
import { Parameters } from './statement.ts';
import { type Store } from './store.ts';

/** The oldest version whose SQL the queries use (JSON of maps, additional_table_filters with the new analyzer). */
const MIN_VERSION = [25, 8] as const;
const TABLES = ['spans', 'red_1s', 'red_1m', 'entities', 'links', 'events'] as const;

type Step = 'settings' | 'dns' | 'connect' | 'tls' | 'auth' | 'version' | 'schema' | 'data' | 'query';

const STEP_OF: Readonly<Record<string, Step>> = {
  DATASOURCE_SETTINGS: 'settings',
  DATASOURCE_DNS: 'dns',
  DATASOURCE_CONNECT: 'connect',
  DATASOURCE_TIMEOUT: 'connect',
  DATASOURCE_ANSWER: 'connect',
  DATASOURCE_TLS: 'tls',
  DATASOURCE_AUTH: 'auth',
  DATASOURCE_SCHEMA: 'schema',
};

/** Goes the way of a query step by step and names the first that fails. */
export async function checkStore(settings: Settings, store: Store, signal: AbortSignal): Promise<HealthAnswer> {
  try {
    const [server] = await store.rows<{ version: string }>(
      { sql: 'SELECT version() AS version', parameters: {} },
      { signal }
    );
    const version = server?.version ?? '';
    if (!isSupported(version)) {
      return failed(
        'version',
        `the store is ClickHouse ${version || 'of an unknown version'}, ${MIN_VERSION.join('.')} or later is needed`,
        'update the store'
      );
    }
    const present = await store.rows<{ name: string }>(
      { sql: `SELECT name FROM system.tables WHERE database = '${DATABASE}'`, parameters: {} },
      { signal }
    );
    const names = new Set(present.map(({ name }) => name));
    const missing = TABLES.filter((table) => !names.has(table));
    if (missing.length > 0) {
      return failed(
        'schema',
        `database ${DATABASE} lacks ${missing.join(', ')}`,
        'start ingest once with the admin token to create the tables'
      );
    }
    const parameters = new Parameters();
    const condition = tenantCondition(settings, parameters);
    const [newest] = await store.rows<{ newest: string }>(
      parameters.statement(`SELECT toString(max(Time)) AS newest FROM red_1m WHERE ${condition} HAVING count() > 0`),
      { signal }
    );
    const scope = `tenant ${settings.tenant}, environment ${settings.environment}`;
    if (!newest) {
      // Reachable and ready: an empty store is no failure of the data source.
      const message = `Connected to ClickHouse ${version}; no request of ${scope} has arrived yet: start an agent, or check both names`;
      return { ok: true, message, details: { step: 'data', version } };
    }
    const message = `Connected to ClickHouse ${version}; newest request of ${scope}: ${newest.newest} UTC`;
    return { ok: true, message, details: { version, newest: newest.newest } };
  } catch (error) {
    const { code, what, hint } = toDatasourceError(error);
    return failed(STEP_OF[code] ?? 'query', what, hint);
  }
}

/** @param what failed. @param mend what to do about it */
export function failed(step: Step, what: string, mend: string): HealthAnswer {
  const details = { step, message: what, mend, verboseMessage: `${what}; ${mend}` };
  return { ok: false, message: `${step}: ${what}; ${mend}`, details };
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]);
}
