import { describe, expect, it } from 'vitest';
import { type Interval, Requests } from './Requests.ts';

/** The plain way, as the oracle. */
const openAt = (all: readonly Interval[], timeNs: number): bigint[] =>
  all.filter(({ startNs, endNs }) => startNs <= timeNs && endNs >= timeNs).map(({ spanId }) => spanId);

describe('Requests', () => {
  it('finds what was open at any time, whatever the order of ends', () => {
    const requests = new Requests<Interval>();
    const all: Interval[] = [];
    for (let i = 0; i < 500; i++) {
      const request = { spanId: BigInt(i + 1), startNs: i * 10, endNs: Infinity };
      all.push(request);
      requests.add(request);
    }
    for (let i = 0; i < 500; i += i % 7 === 0 ? 2 : 1) {
      const request = all[(i * 37) % 500]!;
      requests.end(request, request.startNs + ((i * 7919) % 900));
    }
    for (let timeNs = 0; timeNs < 6000; timeNs += 13) {
      const open = requests.openAt(timeNs);
      expect(open.map(({ spanId }) => spanId)).toEqual(openAt(all, timeNs));
      expect(requests.allEnded(timeNs)).toBe(open.every(({ endNs }) => endNs !== Infinity));
    }
  });

  it('forgets what ended or has been open for too long, and the oldest when told', () => {
    const requests = new Requests<Interval>();
    const all = Array.from({ length: 5000 }, (_, i) => ({ spanId: BigInt(i + 1), startNs: i, endNs: Infinity }));
    for (const request of all) requests.add(request);
    for (const request of all.slice(1)) requests.end(request, request.startNs + 10);
    requests.prune(3000, 0);
    expect(requests.size).toBe(1 + all.filter(({ endNs }) => endNs >= 3000 && endNs !== Infinity).length);
    expect(requests.get(1n)).toBe(all[0]);
    requests.prune(3000, 1);
    expect(requests.get(1n)).toBeUndefined();
    const { size } = requests;
    const [oldest] = requests.openAt(3000);
    requests.dropOldest();
    expect(requests.size).toBe(size - 1);
    expect(requests.get(oldest!.spanId)).toBeUndefined();
  });
});
