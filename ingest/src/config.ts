import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65535);

const schema = z.object({
  /** http://host:port, https://… or unix:/path/to/socket of ClickHouse or of `store/`. */
  THROUGHLINE_STORE_URL: z.string().min(1),
  THROUGHLINE_STORE_WRITE_TOKEN: z.string().default(''),
  /** Where it is given, migrations are applied at start. */
  THROUGHLINE_STORE_ADMIN_TOKEN: z.string().default(''),
  THROUGHLINE_INGEST_HOST: z.string().default('127.0.0.1'),
  THROUGHLINE_INGEST_PORT: port.default(4302),
  /** Also listen here: a path for agents in another network namespace of this machine. */
  THROUGHLINE_INGEST_SOCKET: z.string().optional(),
  THROUGHLINE_OTLP_HTTP_PORT: port.default(4318),
  THROUGHLINE_OTLP_GRPC_PORT: port.default(4317),
  /** Agents must show it, SDKs where ingest listens beyond loopback; empty is allowed on loopback only. */
  THROUGHLINE_INGEST_TOKEN: z.string().default(''),
  /** PEM files of all three ports; both or none. */
  THROUGHLINE_INGEST_TLS_CERT: z.string().optional(),
  THROUGHLINE_INGEST_TLS_KEY: z.string().optional(),
  /** Of OTLP data, and of agents that name none. */
  THROUGHLINE_TENANT: z.string().min(1).default('default'),
  THROUGHLINE_ENVIRONMENT: z.string().min(1).default('default'),
  /** Largest request body, bytes after decompression. */
  THROUGHLINE_INGEST_MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(16 << 20),
  /** Bytes accepted and not yet stored; beyond it senders are asked to wait. */
  THROUGHLINE_INGEST_QUEUE_BYTES: z.coerce
    .number()
    .int()
    .min(1 << 16)
    .default(128 << 20),
  /** How long a batch waits for the other side of its exchanges, ms: agents send every 500 ms, each at its own time. */
  THROUGHLINE_INGEST_HOLD_MS: z.coerce.number().int().min(0).max(5000).default(1000),
  /** How long a batch is tried to be stored before its sender is told to send it again, ms. */
  THROUGHLINE_INGEST_STORE_TIMEOUT_MS: z.coerce.number().int().min(100).default(10_000),
});

export interface IngestConfig {
  readonly storeUrl: string;
  readonly writeToken: string;
  readonly adminToken: string;
  readonly host: string;
  readonly port: number;
  readonly socket: string | undefined;
  readonly otlpHttpPort: number;
  readonly otlpGrpcPort: number;
  readonly token: string;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly tenant: string;
  readonly environment: string;
  readonly maxBodyBytes: number;
  readonly queueBytes: number;
  readonly holdMs: number;
  readonly storeTimeoutMs: number;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/** @throws Error naming the variable, what is wrong with it, and what to do. */
export function readConfig(env: NodeJS.ProcessEnv): IngestConfig {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`INGEST_CONFIG_INVALID: ${issues.join('; ')}`);
  }
  const values = parsed.data;
  const { THROUGHLINE_INGEST_TLS_CERT: cert, THROUGHLINE_INGEST_TLS_KEY: key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error('INGEST_CONFIG_INVALID: THROUGHLINE_INGEST_TLS_CERT and THROUGHLINE_INGEST_TLS_KEY go together');
  }
  if (!isLoopback(values.THROUGHLINE_INGEST_HOST) && (values.THROUGHLINE_INGEST_TOKEN === '' || !cert)) {
    throw new Error(
      `INGEST_CONFIG_INVALID: THROUGHLINE_INGEST_HOST ${values.THROUGHLINE_INGEST_HOST} is not loopback: ` +
        'set THROUGHLINE_INGEST_TOKEN, THROUGHLINE_INGEST_TLS_CERT and THROUGHLINE_INGEST_TLS_KEY'
    );
  }
  return {
    storeUrl: values.THROUGHLINE_STORE_URL,
    writeToken: values.THROUGHLINE_STORE_WRITE_TOKEN,
    adminToken: values.THROUGHLINE_STORE_ADMIN_TOKEN,
    host: values.THROUGHLINE_INGEST_HOST,
    port: values.THROUGHLINE_INGEST_PORT,
    socket: values.THROUGHLINE_INGEST_SOCKET,
    otlpHttpPort: values.THROUGHLINE_OTLP_HTTP_PORT,
    otlpGrpcPort: values.THROUGHLINE_OTLP_GRPC_PORT,
    token: values.THROUGHLINE_INGEST_TOKEN,
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    tenant: values.THROUGHLINE_TENANT,
    environment: values.THROUGHLINE_ENVIRONMENT,
    maxBodyBytes: values.THROUGHLINE_INGEST_MAX_BODY_BYTES,
    queueBytes: values.THROUGHLINE_INGEST_QUEUE_BYTES,
    holdMs: values.THROUGHLINE_INGEST_HOLD_MS,
    storeTimeoutMs: values.THROUGHLINE_INGEST_STORE_TIMEOUT_MS,
  };
}
