import { describe, expect, it } from 'vitest';
import { Clock, type ClockSample } from './clock.ts';

function scripted(...samples: readonly [monotonicNs: bigint, wallNs: bigint][]): () => ClockSample {
  let next = 0;
  return () => {
    const [monotonicNs, wallNs] = samples[next++]!;
    return { monotonicNs, wallNs, uncertaintyNs: 0 };
  };
}

const EPOCH = 1_790_000_000_000_000_000n;

describe('Clock', () => {
  it('adds the difference of the clocks, exact to the nanosecond beyond 2^53', () => {
    const clock = new Clock(0, scripted([1_000n, EPOCH + 7n]));
    expect(clock.toWallNs(1_001)).toBe(EPOCH + 8n);
    expect(clock.toWallNs(400)).toBe(EPOCH - 593n);
  });

  it('converts a time with the sample before it, so that a step of the wall clock moves only later times', () => {
    const clock = new Clock(0, scripted([1_000n, EPOCH], [2_000n, EPOCH + 500_000n]));
    clock.sample();
    expect(clock.toWallNs(1_999)).toBe(EPOCH + 999n);
    expect(clock.toWallNs(2_000)).toBe(EPOCH + 500_000n);
    expect(clock.latest().wallNs).toBe(EPOCH + 500_000n);
  });

  it('shifts every wall time on demand', () => {
    const clock = new Clock(-1.5, scripted([0n, EPOCH]));
    expect(clock.toWallNs(0)).toBe(EPOCH - 1_500_000n);
    expect(clock.latest().wallNs).toBe(EPOCH - 1_500_000n);
  });

  it('forgets old samples and keeps converting', () => {
    const samples = Array.from({ length: 500 }, (_, i) => [BigInt(i), EPOCH + BigInt(i)] as [bigint, bigint]);
    const clock = new Clock(0, scripted(...samples));
    for (let i = 1; i < samples.length; i++) clock.sample();
    expect(clock.toWallNs(3)).toBe(EPOCH + 3n);
    expect(clock.toWallNs(499)).toBe(EPOCH + 499n);
  });

  it.skipIf(process.platform !== 'linux')('reads the machine: wall time agrees with Date', () => {
    const clock = new Clock();
    const before = BigInt(Date.now()) * 1_000_000n;
    const wallNs = clock.toWallNs(Number(process.hrtime.bigint()));
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    const tolerance = 1_000_000n;
    expect(wallNs).toBeGreaterThanOrEqual(before - tolerance);
    expect(wallNs).toBeLessThanOrEqual(after + tolerance);
  });
});
