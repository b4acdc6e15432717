import { type PluginContext } from '@throughline/grafana-backend';
import { z } from 'zod';
import { DatasourceError } from './errors.ts';

/** What an administrator set for one instance of the data source. */
export interface Settings {
  readonly uid: string;
  readonly name: string;
  readonly url: string;
  readonly user: string;
  readonly readToken: string;
  readonly tenant: string;
  readonly environment: string;
  readonly timeoutSeconds: number;
  /** Most rows of one frame; Grafana's own limit lowers it. */
  readonly rowLimit: number;
}

const scopeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/, 'letters, digits and _ . : - only, at most 63');

const jsonSchema = z.object({
  tenant: scopeName.default('default'),
  environment: scopeName.default('default'),
  timeoutSeconds: z.number().min(1).max(600).default(30),
  rowLimit: z.int().min(1).max(10_000_000).default(1_000_000),
});

const HINT = "correct the data source's settings";

/** @throws DatasourceError naming the setting */
export function readSettings(plugin: PluginContext): Settings {
  const instance = plugin.dataSourceInstanceSettings;
  if (!instance) throw new DatasourceError('DATASOURCE_SETTINGS', 'the request names no data source', HINT);
  let saved: unknown;
  try {
    saved = JSON.parse(instance.jsonData.toString('utf8') || '{}');
  } catch (cause) {
    throw new DatasourceError('DATASOURCE_SETTINGS', 'jsonData is no JSON', HINT, cause);
  }
  const parsed = jsonSchema.safeParse(saved);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'jsonData'}: ${issue.message}`);
    throw new DatasourceError('DATASOURCE_SETTINGS', problems.join('; '), HINT);
  }
  const url = URL.canParse(instance.url) ? new URL(instance.url) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const what = `url: ${JSON.stringify(instance.url)} is no http or https URL`;
    throw new DatasourceError('DATASOURCE_SETTINGS', what, "give the URL of the store's HTTP interface");
  }
  const grafanaLimit = Number(plugin.grafanaConfig.get('GF_SQL_ROW_LIMIT'));
  return {
    uid: instance.uid,
    name: instance.name,
    url: instance.url,
    user: instance.user || 'read',
    readToken: instance.decryptedSecureJsonData.get('readToken') ?? '',
    ...parsed.data,
    rowLimit: grafanaLimit > 0 ? Math.min(grafanaLimit, parsed.data.rowLimit) : parsed.data.rowLimit,
  };
}
