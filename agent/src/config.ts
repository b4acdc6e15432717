import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

const flag = (fallback: 'on' | 'off') =>
  z
    .enum(['on', 'off'])
    .default(fallback)
    .transform((value) => value === 'on');

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  );

const schema = z.object({
  /** Where batches go: http://host:port, https://…, or unix:/path/to/socket. */
  THROUGHLINE_INGEST_URL: z.string().min(1),
  THROUGHLINE_INGEST_TOKEN: z.string().default(''),
  /** Certificate authority that signed ingest's certificate (PEM file), for https with a private authority. */
  THROUGHLINE_INGEST_CA: z.string().optional(),
  /** auto tries the ladder from the top; a name forces one rung and fails where it cannot run. */
  THROUGHLINE_AGENT_RUNG: z.enum(['auto', 'tp_btf', 'raw_tp', 'af_packet']).default('auto'),
  /** Hops: packets at interfaces, beside the socket rungs. */
  THROUGHLINE_AGENT_PACKETS: flag('on'),
  /** Causes inside processes. Off leaves every call without a link, for measuring what joining costs. */
  THROUGHLINE_AGENT_JOIN: flag('on'),
  THROUGHLINE_AGENT_METRICS_HOST: z.string().default('127.0.0.1'),
  /** 0 picks a free port. */
  THROUGHLINE_AGENT_METRICS_PORT: z.coerce.number().int().min(0).max(65535).default(4303),
  /** Network namespaces of this host, as names under /run/netns or inode numbers; empty means all. */
  THROUGHLINE_AGENT_NETNS: list,
  /** Processes that are not captured; the agent itself never is. */
  THROUGHLINE_AGENT_EXCLUDE_PIDS: list,
  /** Bytes captured of each send and receive. */
  THROUGHLINE_AGENT_CAPTURE_BYTES: z.coerce.number().int().min(64).max(1024).default(1024),
  /** Bytes of finished batches kept while ingest does not answer; the oldest are dropped and counted beyond it. */
  THROUGHLINE_AGENT_QUEUE_BYTES: z.coerce
    .number()
    .int()
    .min(1 << 16)
    .default(32 << 20),
  THROUGHLINE_HOST_ID: z.string().optional(),
  THROUGHLINE_HOST_NAME: z.string().optional(),
  THROUGHLINE_TENANT: z.string().min(1).default('default'),
  THROUGHLINE_ENVIRONMENT: z.string().min(1).default('default'),
  /** Adds to every wall-clock time this agent reports, ms. For tests of wrong clocks only. */
  THROUGHLINE_AGENT_DANGEROUSLY_SHIFT_CLOCK_MS: z.coerce.number().default(0),
  /** Share of calls that are joined without the ids they carry, for measuring what pointers find. Rows keep the ids. */
  THROUGHLINE_AGENT_DANGEROUSLY_WITHHOLD_IDS: z.coerce.number().min(0).max(1).default(0),
});

export interface AgentConfig {
  readonly ingestUrl: string;
  readonly ingestToken: string;
  readonly ingestCa: string | undefined;
  readonly rung: 'auto' | 'tp_btf' | 'raw_tp' | 'af_packet';
  readonly packets: boolean;
  readonly join: boolean;
  readonly metricsHost: string;
  readonly metricsPort: number;
  /** Inode numbers; empty means all. */
  readonly netns: readonly number[];
  readonly excludePids: readonly number[];
  readonly captureBytes: number;
  readonly queueBytes: number;
  readonly hostId: string | undefined;
  readonly hostName: string;
  readonly tenant: string;
  readonly environment: string;
  readonly shiftClockMs: number;
  readonly withholdIds: number;
}

/** @throws Error naming the variable, what is wrong with it, and what it may be. */
export function readConfig(env: NodeJS.ProcessEnv): AgentConfig {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`AGENT_CONFIG_INVALID: ${issues.join('; ')}`);
  }
  const values = parsed.data;
  return {
    ingestUrl: values.THROUGHLINE_INGEST_URL,
    ingestToken: values.THROUGHLINE_INGEST_TOKEN,
    ingestCa: values.THROUGHLINE_INGEST_CA,
    rung: values.THROUGHLINE_AGENT_RUNG,
    packets: values.THROUGHLINE_AGENT_PACKETS,
    join: values.THROUGHLINE_AGENT_JOIN,
    metricsHost: values.THROUGHLINE_AGENT_METRICS_HOST,
    metricsPort: values.THROUGHLINE_AGENT_METRICS_PORT,
    netns: values.THROUGHLINE_AGENT_NETNS.map(namespaceInode),
    excludePids: values.THROUGHLINE_AGENT_EXCLUDE_PIDS.map(Number).filter((pid) => Number.isInteger(pid) && pid > 0),
    captureBytes: values.THROUGHLINE_AGENT_CAPTURE_BYTES,
    queueBytes: values.THROUGHLINE_AGENT_QUEUE_BYTES,
    hostId: values.THROUGHLINE_HOST_ID,
    hostName: values.THROUGHLINE_HOST_NAME ?? hostname(),
    tenant: values.THROUGHLINE_TENANT,
    environment: values.THROUGHLINE_ENVIRONMENT,
    shiftClockMs: values.THROUGHLINE_AGENT_DANGEROUSLY_SHIFT_CLOCK_MS,
    withholdIds: values.THROUGHLINE_AGENT_DANGEROUSLY_WITHHOLD_IDS,
  };
}

function namespaceInode(nameOrInode: string): number {
  if (/^\d+$/.test(nameOrInode)) return Number(nameOrInode);
  try {
    return statSync(`/run/netns/${nameOrInode}`).ino;
  } catch (cause) {
    throw new Error(
      `AGENT_CONFIG_INVALID: THROUGHLINE_AGENT_NETNS: no network namespace "${nameOrInode}" under /run/netns; ` +
        'list them with "ip netns"',
      { cause }
    );
  }
}

/** Identity of this boot: a batch number is unique within it. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
