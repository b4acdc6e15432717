import { statSync } from 'node:fs';
import { join } from 'node:path';
import { SpanBatchReader, type agent } from '@throughline/wire';
import { DEBIAN_PACKAGES, type Demo, startDemo } from '../workbench/demo/index.ts';
import { unpackDebian } from '../workbench/demo/debian.ts';
import { delay, startAgent, startIngestStub } from './agentProcess.ts';
import { type Figure, publish } from './report.ts';

/**
 * Links from calls to the requests that caused them, in the demo's services, by pointers: the ids that calls carry are
 * withheld from joining, from all or from four fifths of them, and are the truth. X-Request-ID tells for calls over HTTP; for
 * the catalog's use of Redis the product in the key and in the path. At last with all ids, which then decide. As root.
 *
 *   node bench/links.ts [--port-base 26300]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const STATE = join(import.meta.dirname, '../.throughline');
const LOADS = [
  { concurrency: 1, requests: 200 },
  { concurrency: 8, requests: 600 },
  { concurrency: 64, requests: 1_200 },
];
/** Share of calls whose ids joining does not see; only these are scored. Reliability of pointers is learned from the others. */
const VARIANTS = [
  { withheld: 1, label: 'no ids' },
  { withheld: 0.8, label: 'ids on a fifth of calls' },
  { withheld: 0, label: 'all ids' },
];
const SERVICES = ['gateway', 'catalog', 'checkout', 'payments'];

interface Row {
  readonly service: string;
  readonly pid: number;
  readonly isClient: boolean;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly protocol: string;
  readonly target: string;
  readonly requestId: string;
  readonly responseRequestId: string;
  readonly evidence: string;
  readonly candidates: number;
}

const NO_SPAN = '0'.repeat(16);
const demo: Demo = await startDemo({
  unpackedRoot: await unpackDebian(DEBIAN_PACKAGES, { stateDirectory: STATE }),
  stateDirectory: STATE,
  portBase: argument('port-base', 26_300),
  publishGateway: false,
});
const namespaces = demo.hosts.flatMap(({ netns }) => netns);
const serviceOf = new Map(
  namespaces.map((name) => [statSync(`/run/netns/${name}`).ino, name.slice(name.lastIndexOf('-') + 1)])
);

let rows: Row[] = [];
function collect(batch: agent.Batch): void {
  const reader = new SpanBatchReader(batch);
  const text = (name: string) => reader.strings(name);
  const [layers, kinds, protocols, targets] = [text('layer'), text('spanKind'), text('protocol'), text('target')];
  const [requestIds, responseRequestIds, evidence] = [
    text('requestId'),
    text('responseRequestId'),
    text('linkEvidence'),
  ];
  const id = (column: string, row: number): string =>
    Buffer.from(reader.raw(column).subarray(8 * row, 8 * row + 8)).toString('hex');
  for (let row = 0; row < reader.rows; row++) {
    if (layers[row] !== 'process') continue;
    rows.push({
      service: serviceOf.get(reader.u32('netns')[row]!) ?? '',
      pid: reader.u32('pid')[row]!,
      isClient: kinds[row] === 'Client',
      spanId: id('spanId', row),
      parentSpanId: id('parentSpanId', row),
      protocol: protocols[row]!,
      target: targets[row]!,
      requestId: requestIds[row]!,
      responseRequestId: responseRequestIds[row]!,
      evidence: evidence[row]!,
      candidates: reader.u16('linkCandidateCount')[row]!,
    });
  }
}

interface Score {
  calls: number;
  /** Calls whose parent is an SDK's span. */
  namedBySdk: number;
  links: number;
  right: number;
  oneOf: number;
  /** Several requests were open. */
  ambiguous: number;
  evidence: Record<string, number>;
}

const PRODUCT = /product:(\d+)/;

/** The request of the same process that the call belongs to, as far as the wire tells. */
function truthOf(
  call: Row,
  byId: Map<string, Row[]>,
  bySpan: Map<string, Row>
): (parent: string) => boolean | undefined {
  if (call.protocol === 'http' && call.requestId !== '') {
    const causes = (byId.get(call.requestId) ?? []).filter(({ pid }) => pid === call.pid);
    return (parent) => (causes.length === 0 ? undefined : causes.some(({ spanId }) => spanId === parent));
  }
  const product = call.protocol === 'redis' ? PRODUCT.exec(call.target)?.[1] : undefined;
  if (product === undefined) return () => undefined;
  return (parent) => bySpan.get(parent)?.target.endsWith(`/products/${product}`) ?? false;
}

function isScored(call: Row, withheld: number): boolean {
  if (!call.isClient || !SERVICES.includes(call.service)) return false;
  return withheld === 0 || Number(BigInt(`0x${call.spanId}`) % 1000n) < 1000 * withheld;
}

function scores(all: readonly Row[], withheld: number): Map<string, Score> {
  const byId = new Map<string, Row[]>();
  const bySpan = new Map<string, Row>();
  for (const row of all) {
    if (row.isClient) continue;
    bySpan.set(row.spanId, row);
    for (const id of new Set([row.requestId, row.responseRequestId])) {
      if (id !== '') byId.set(id, [...(byId.get(id) ?? []), row]);
    }
  }
  const result = new Map<string, Score>();
  for (const call of all) {
    if (!isScored(call, withheld)) continue;
    const isRight = truthOf(call, byId, bySpan)(call.parentSpanId);
    if (isRight === undefined) continue;
    const score = result.get(call.service) ?? {
      calls: 0,
      namedBySdk: 0,
      links: 0,
      right: 0,
      oneOf: 0,
      ambiguous: 0,
      evidence: {},
    };
    result.set(call.service, score);
    // The parent is the SDK's own span inside the process, which is not ours to judge.
    if (call.evidence === 'trace_context' && !bySpan.has(call.parentSpanId)) {
      score.namedBySdk++;
      continue;
    }
    score.calls++;
    if (call.parentSpanId !== NO_SPAN) score.links++;
    if (isRight) score.right++;
    if (call.evidence === 'one_of') score.oneOf++;
    if (call.candidates > 1) score.ambiguous++;
    score.evidence[call.evidence] = (score.evidence[call.evidence] ?? 0) + 1;
  }
  return result;
}

const share = (part: number, whole: number): string => (whole === 0 ? '–' : (part / whole).toFixed(3));
const figures: Figure[] = [];
const ingest = await startIngestStub(collect);
let rung = '';
try {
  for (const { withheld, label: variant } of VARIANTS) {
    const agents = await Promise.all(
      demo.hosts.map(({ id, name, netns }) =>
        startAgent(ingest.url, netns, {
          THROUGHLINE_HOST_ID: id,
          THROUGHLINE_HOST_NAME: name,
          THROUGHLINE_AGENT_PACKETS: 'off',
          THROUGHLINE_AGENT_DANGEROUSLY_WITHHOLD_IDS: String(withheld),
        })
      )
    );
    rung = agents[0]!.rung;
    for (const load of LOADS) {
      rows = [];
      await demo.runLoad(load);
      // Longer than joining waits for the requests that were open.
      await delay(3_500);
      for (const [service, score] of [...scores(rows, withheld)].sort()) {
        const label = `${variant}, ${load.concurrency} at once, ${service}`;
        figures.push({
          name: `${label}: precision / recall / one of N`,
          value: `${share(score.right, score.links)} / ${share(score.right, score.calls)} / ${share(score.oneOf, score.calls)}`,
          unit: '',
          ...(withheld > 0 && load.concurrency === 64 && { target: '≥ 0.99 / ≥ 0.95' }),
          note: `${score.calls} calls${score.namedBySdk > 0 ? ` and ${score.namedBySdk} that name the SDK's span` : ''}, ${score.links} links; several requests open for ${share(score.ambiguous, score.calls)}; ${Object.entries(
            score.evidence
          )
            .sort((a, b) => b[1] - a[1])
            .map(([evidence, count]) => `${evidence} ${count}`)
            .join(', ')}`,
        });
      }
    }
    await Promise.all(agents.map((agent) => agent.stop()));
  }
} finally {
  ingest.close();
  await demo.stop();
}
publish({
  bench: 'links',
  input: `the demo's shop under ${LOADS.map(({ concurrency, requests }) => `${requests} requests by ${concurrency} at once`).join(', ')}; rung ${rung}; ids withheld from joining are the truth; the catalog's by the product in its Redis keys; the ledger calls only MySQL, which carries no id`,
  figures,
});
