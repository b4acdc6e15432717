import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay, type ReplayMode } from './replay.ts';

const CAPTURES = fileURLToPath(new URL('protocols/testdata', import.meta.url));
const CORPUS = fileURLToPath(new URL('../../../shared/corpus/peer-captures', import.meta.url));
const isCorpusThere = existsSync(CORPUS);
if (!isCorpusThere) console.log('skipped in part: the corpus of captures is not beside the repository');

function linesOf(file: string, mode: ReplayMode): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  replay(file, mode, (line) => lines.push(JSON.parse(line) as Record<string, unknown>));
  return lines;
}

describe('replay', () => {
  it('prints a span for each exchange, named by the semantic conventions', () => {
    const [span] = linesOf(`${CAPTURES}/http.pcap`, 'spans');
    expect(span).toMatchObject({
      name: 'GET /hello',
      kind: 'network',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      wireParentSpanId: '00f067aa0ba902b7',
      status: { code: 'ok' },
      attributes: {
        'http.request.method': 'GET',
        'url.path': '/hello',
        'url.query': 'who=?&n=?',
        'http.response.status_code': 200,
        'server.port': 80,
      },
    });
    expect(span!['startTime']).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect(span!['spanId']).toMatch(/^[0-9a-f]{16}$/);
  });

  it('prints as many spans as requests', () => {
    for (const name of ['http', 'redis', 'mysql', 'mysql-compressed', 'dns']) {
      const requests = linesOf(`${CAPTURES}/${name}.pcap`, 'messages').filter(({ type }) => type === 'request');
      expect(linesOf(`${CAPTURES}/${name}.pcap`, 'spans')).toHaveLength(requests.length);
    }
  });

  it('prints flows', () => {
    const flows = linesOf(`${CAPTURES}/http.pcap`, 'flows');
    expect(flows).toHaveLength(8);
    expect(flows.every((flow) => typeof flow['serverRttNs'] === 'number')).toBe(true);
  });

  // Types of close as that project's tests name them, beside ours.
  it.runIf(isCorpusThere).each([
    ['server-reset', 'ServerReset', 'reset_by_server'],
    ['server-no-response', 'ClientEstablishReset', 'reset_by_client'],
    ['client-no-response', 'ServerEstablishReset', 'reset_by_server'],
  ])('%s: %s is %s', (name, _, end) => {
    expect(linesOf(`${CORPUS}/${name}.pcap`, 'flows')).toMatchObject([{ end }]);
  });

  // µs, from the same tests: the greatest round trips of client and server.
  it.runIf(isCorpusThere)('measures the handshake of handshake-retrans as they do', () => {
    expect(linesOf(`${CORPUS}/handshake-retrans.pcap`, 'flows')).toMatchObject([
      { client: { repeatedSyns: 1 }, server: { repeatedSyns: 1 }, serverRttNs: 943_000, end: 'open' },
    ]);
  });

  it.runIf(isCorpusThere).each([
    // requests, µs of all response times, µs of the longest (asserted in that project's code)
    ['http/httpv1', 1, 84_051, 84_051],
    ['dns/dns', 2, 181_558, 176_754],
    ['mysql/171-mysql', 390, 127_090, 5_355],
    ['redis/redis-debug', 1, 1_209, 1_209],
  ])('%s: %i requests, response times sum to %i and are at most %i µs', (name, count, sum, longest) => {
    const responses = linesOf(`${CORPUS}/${name}.pcap`, 'messages').filter(({ type }) => type === 'response');
    const times = responses.map((line) => (line['responseTimeNs'] as number) / 1000);
    expect(times).toHaveLength(count);
    expect(times.reduce((all, time) => all + time, 0)).toBe(sum);
    expect(Math.max(...times)).toBe(longest);
  });
});
