import { wallClockNs } from '@throughline/ebpf';

/** Both clocks at one moment. `uncertaintyNs`: the wall clock was read within this span of monotonic time. */
export interface ClockSample {
  readonly monotonicNs: bigint;
  readonly wallNs: bigint;
  readonly uncertaintyNs: number;
}

/** Samples are kept for about this many intervals; older times use the oldest. */
const SAMPLES_MAX = 128;
/** A reading interrupted by the scheduler says little; the narrowest of a few is taken. */
const READINGS = 5;

/**
 * Turns CLOCK_MONOTONIC, the clock of every event, into wall time. The two drift and the wall clock is stepped, so a
 * time is converted with the sample taken last before it.
 */
export class Clock {
  readonly #shiftNs: bigint;
  readonly #read: () => ClockSample;
  #samples: ClockSample[] = [];

  /** @param shiftMs added to every wall time; for tests of wrong clocks */
  constructor(shiftMs = 0, read: () => ClockSample = readClocks) {
    this.#shiftNs = BigInt(Math.round(shiftMs * 1e6));
    this.#read = read;
    this.sample();
  }

  /** Call it regularly, about once a second. @returns what was read, the shift included */
  sample(): ClockSample {
    const read = this.#read();
    const sample = { ...read, wallNs: read.wallNs + this.#shiftNs };
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples = this.#samples.slice(-SAMPLES_MAX / 2);
    return sample;
  }

  latest(): ClockSample {
    return this.#samples.at(-1)!;
  }

  /** @returns ns since 1970 */
  toWallNs(monotonicNs: number): bigint {
    const at = BigInt(Math.round(monotonicNs));
    let i = this.#samples.length - 1;
    while (i > 0 && this.#samples[i]!.monotonicNs > at) i--;
    const sample = this.#samples[i]!;
    return sample.wallNs + (at - sample.monotonicNs);
  }
}

function readClocks(): ClockSample {
  let best: ClockSample | undefined;
  for (let i = 0; i < READINGS; i++) {
    const before = process.hrtime.bigint(); // CLOCK_MONOTONIC
    const wallNs = wallClockNs();
    const after = process.hrtime.bigint();
    const uncertaintyNs = Number(after - before);
    if (best === undefined || uncertaintyNs < best.uncertaintyNs) {
      best = { monotonicNs: before + (after - before) / 2n, wallNs, uncertaintyNs };
    }
  }
  return best!;
}
