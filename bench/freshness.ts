import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { delay } from './agentProcess.ts';
import { publish, quantile } from './report.ts';

/**
 * From a request on the wire to the query that shows it, in the running demo: each request has a path of its own, and the
 * store is asked for such paths all the time.
 *
 *   node bench/freshness.ts [--port-base 26400] [--requests 200]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const PORT_BASE = argument('port-base', 26_400);
const REQUESTS = argument('requests', 200);
const INTERVAL_MS = 100;
const POLL_MS = 50;
const GIVE_UP_MS = 15_000;
const ROOT = join(import.meta.dirname, '..');
const command = (...words: string[]): void => {
  execFileSync('./throughline', [...words, '--port-base', String(PORT_BASE)], { cwd: ROOT, stdio: 'inherit' });
};

command('demo', '--detach');
try {
  const tokens = JSON.parse(readFileSync(join(ROOT, `.throughline/instance-${PORT_BASE}/tokens.json`), 'utf8')) as {
    read: string;
  };
  const run = String(process.pid);
  const visible = async (): Promise<{ Target: string; Sides: string }[]> => {
    const response = await fetch(`http://127.0.0.1:${PORT_BASE + 1}/?database=throughline`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.read}` },
      body: `SELECT Target, count() AS Sides FROM spans
        WHERE Timestamp > now() - INTERVAL 1 MINUTE AND startsWith(Target, '/api/products/${run}0') GROUP BY Target FORMAT JSONEachRow`,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { Target: string; Sides: string });
  };
  const sentMs = new Map<string, number>();
  const seenMs = new Map<string, number>();
  const queryMs: number[] = [];
  let isSending = true;
  const poll = async (): Promise<void> => {
    let lastSentMs = performance.now();
    while (isSending || (seenMs.size < sentMs.size && performance.now() - lastSentMs < GIVE_UP_MS)) {
      if (isSending) lastSentMs = performance.now();
      const asked = performance.now();
      const rows = await visible();
      const now = performance.now();
      queryMs.push(now - asked);
      for (const { Target } of rows) if (sentMs.has(Target) && !seenMs.has(Target)) seenMs.set(Target, now);
      await delay(POLL_MS);
    }
  };
  const polling = poll();
  for (let i = 0; i < REQUESTS; i++) {
    const path = `/api/products/${run}0${String(i).padStart(4, '0')}`;
    sentMs.set(path, performance.now());
    const response = await fetch(`http://127.0.0.1:${PORT_BASE + 80}${path}`);
    await response.arrayBuffer();
    await delay(INTERVAL_MS);
  }
  isSending = false;
  await polling;
  const lags = [...seenMs].map(([path, ms]) => ms - sentMs.get(path)!);
  publish({
    bench: 'freshness',
    input: `${REQUESTS} requests of their own path through the demo (two agents, ingest, store), one every ${INTERVAL_MS} ms beside the demo's own 20 a second; asked every ${POLL_MS} ms, the query's time (median ${quantile(queryMs, 0.5).toFixed(0)} ms) included`,
    figures: [
      {
        name: 'Event on the wire to visible by query, P50 / P99',
        value: `${(quantile(lags, 0.5) / 1000).toFixed(2)} / ${(quantile(lags, 0.99) / 1000).toFixed(2)}`,
        unit: 's',
        target: 'P99 ≤ 3 s',
        note: `most ${(Math.max(...lags) / 1000).toFixed(2)} s`,
      },
      { name: 'Requests seen of those sent', value: `${seenMs.size} of ${sentMs.size}`, unit: '', target: 'all' },
    ],
  });
} finally {
  command('stop');
}
