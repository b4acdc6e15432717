import { describe, expect, it } from 'vitest';
import { ChangeDetector, type WatchedBatch } from './ChangeDetector.ts';
import { type KnownEntity } from './EntityDirectory.ts';

const SECOND = 1_000_000_000n;

const batch = (number: bigint, second: bigint, over: Partial<WatchedBatch> = {}): WatchedBatch => ({
  agentId: 'agent-a',
  bootId: 'boot',
  batchNumber: number,
  hostId: 'host-a',
  hostName: 'shop-a',
  clockSamples: [{ monotonicNs: 0n, wallNs: second * SECOND }],
  drops: new Map(),
  ...over,
});

const process = (id: bigint, fromSecond: bigint, toSecond = 0n, over: Partial<KnownEntity> = {}): KnownEntity => ({
  id,
  kind: 'process',
  name: 'orders',
  nameSource: 'command',
  hostId: 'host-a',
  hostName: 'shop-a',
  pid: 20,
  validFromNs: fromSecond * SECOND,
  validToNs: toSecond * SECOND,
  attributes: new Map([
    ['process.pid', '20'],
    ['process.command_line', 'orders --password secret'],
  ]),
  ...over,
});

const titles = (changes: { readonly events: readonly { readonly title: string }[] }) =>
  changes.events.map(({ title }) => title);

describe('ChangeDetector', () => {
  it('tells an agent’s start and, once, the processes that start and end while it watches', () => {
    const detector = new ChangeDetector();
    expect(titles(detector.changesOf(batch(1n, 100n), [process(1n, 10n)]))).toEqual(['agent started on shop-a']);
    const started = detector.changesOf(batch(2n, 130n), [process(1n, 10n), process(2n, 120n)]);
    expect(started.events).toMatchObject([
      { kind: 'process_start', entityId: 2n, timestampNs: 120n * SECOND, title: 'orders started' },
    ]);
    expect([...started.events[0]!.attributes]).toEqual([['process.pid', '20']]);
    const again = [process(1n, 10n, 140n), process(2n, 120n), process(3n, 120n, 0n, { kind: 'listener' })];
    expect(detector.changesOf(batch(3n, 150n), again).events).toMatchObject([
      { kind: 'process_end', entityId: 1n, timestampNs: 140n * SECOND, title: 'orders ended' },
    ]);
    expect(detector.changesOf(batch(4n, 160n), again).events).toEqual([]);
  });

  it('tells nothing again of what went before ingest started', () => {
    const detector = new ChangeDetector();
    const late = batch(70n, 500n, { drops: new Map([['queue_full', 9n]]) });
    expect(detector.changesOf(late, [process(1n, 10n), process(2n, 490n), process(3n, 5n, 494n)]).events).toEqual([]);
    expect(titles(detector.changesOf(batch(71n, 501n), [process(4n, 496n)]))).toEqual(['orders started']);
  });

  it('tells what was dropped, by reason, at most once a minute and then all of it', () => {
    const detector = new ChangeDetector();
    const drops = (number: bigint, second: bigint, counts: Record<string, bigint>) =>
      detector.changesOf(batch(number, second, { drops: new Map(Object.entries(counts)) }), []).events.slice(-1);
    expect(drops(1n, 100n, { queue_full: 5n })).toMatchObject([{ title: 'agent on shop-a dropped 5: queue_full' }]);
    expect(drops(2n, 130n, { queue_full: 6n })).toEqual([]);
    const [event] = drops(3n, 161n, { queue_full: 8n, ring_lost: 40n });
    expect(event).toMatchObject({ kind: 'rows_dropped', title: 'agent on shop-a dropped 43: ring_lost, queue_full' });
    expect(Object.fromEntries(event!.attributes)).toEqual({
      'throughline.agent.id': 'agent-a',
      'throughline.dropped.reason': 'ring_lost',
      'throughline.dropped.count': '43',
      'throughline.dropped.ring_lost': '40',
      'throughline.dropped.queue_full': '3',
    });
    expect(drops(4n, 300n, { queue_full: 8n, ring_lost: 40n })).toEqual([]);
  });

  it('finds again what could not be stored', () => {
    const detector = new ChangeDetector();
    detector.changesOf(batch(1n, 100n), []);
    const second = batch(2n, 200n, { drops: new Map([['queue_full', 5n]]) });
    const first = detector.changesOf(second, [process(1n, 150n, 160n)]);
    expect(first.events).toHaveLength(3);
    first.undo();
    expect(detector.changesOf(second, [process(1n, 150n, 160n)]).events).toEqual(first.events);
    expect(detector.changesOf(second, [process(1n, 150n, 160n)]).events).toEqual([]);
  });
});
