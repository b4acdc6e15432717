import { z } from 'zod';
import { PACKAGE_SETS, type PackageSet } from './pageBuild.ts';

export interface HostConfig {
  readonly host: string;
  readonly port: number;
  readonly storeUrl: string;
  readonly readToken: string;
  readonly tenant: string;
  readonly environment: string;
  /** Of Grafana's packages, that the page is built from. */
  readonly packageSet: PackageSet;
  /** Serve the page under Grafana's own Content-Security-Policy. */
  readonly contentSecurityPolicy: boolean;
  /** Pages load anew when something was built. */
  readonly reload: boolean;
}

const schema = z.object({
  THROUGHLINE_WORKBENCH_PORT: z.coerce.number().int().min(0).max(65_535).default(4300),
  THROUGHLINE_STORE_URL: z.url({ protocol: /^https?$/ }),
  THROUGHLINE_STORE_READ_TOKEN: z.string().min(1),
  THROUGHLINE_TENANT: z.string().min(1).default('default'),
  THROUGHLINE_ENVIRONMENT: z.string().min(1).default('default'),
  THROUGHLINE_WORKBENCH_PACKAGES: z.enum(PACKAGE_SETS).default('current'),
  THROUGHLINE_WORKBENCH_CSP: z.stringbool().default(false),
  THROUGHLINE_WORKBENCH_RELOAD: z.stringbool().default(false),
});

/** @throws Error naming every variable that is wrong */
export function readConfig(env: Readonly<Record<string, string | undefined>>): HostConfig {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`WORKBENCH_CONFIGURATION: ${problems.join('; ')}; set them in the environment`);
  }
  return {
    // It hands out the store's data to whoever asks: this machine only.
    host: '127.0.0.1',
    port: parsed.data.THROUGHLINE_WORKBENCH_PORT,
    storeUrl: parsed.data.THROUGHLINE_STORE_URL,
    readToken: parsed.data.THROUGHLINE_STORE_READ_TOKEN,
    tenant: parsed.data.THROUGHLINE_TENANT,
    environment: parsed.data.THROUGHLINE_ENVIRONMENT,
    packageSet: parsed.data.THROUGHLINE_WORKBENCH_PACKAGES,
    contentSecurityPolicy: parsed.data.THROUGHLINE_WORKBENCH_CSP,
    reload: parsed.data.THROUGHLINE_WORKBENCH_RELOAD,
  };
}
