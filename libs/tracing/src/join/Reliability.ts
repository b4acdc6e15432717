/**
 * How often each kind of pointer was right, learned where ids give the truth. Kept per (process, server endpoint, client
 * endpoint), falling back to the process, and apart for how many requests were open: a pointer that is always right while
 * one is open may be always wrong under load (a pooled client with a queue: 1.000 at one connection, 0.004 at 64).
 */

export type Pointer = 'ingress' | 'thread' | 'answer' | 'birth';

/** Where nothing was learned yet: right and wrong, as if seen that often. */
const PRIORS: Readonly<Record<Pointer, readonly [right: number, wrong: number]>> = {
  // The last message that the thread received: right for threads, wrong for event loops under load.
  ingress: [1, 1],
  // The thread had received no other open request, in a process whose requests stay on their thread.
  thread: [19, 1],
  answer: [1, 1],
  birth: [1, 1],
};

/** Fewer observations than this say too little. */
const ENOUGH = 8;
/** Counts are halved beyond it, so that what a process does now outweighs what it did. */
const FULL = 256;
const MAX_TABLES = 50_000;

interface Counts {
  right: number;
  wrong: number;
}

export class Reliability {
  private readonly tables = new Map<string, Counts>();

  learn(pointer: Pointer, processKey: string, server: string, client: string, open: number, isRight: boolean): void {
    for (const key of keys(pointer, processKey, server, client, open)) {
      let counts = this.tables.get(key);
      if (!counts) {
        if (this.tables.size >= MAX_TABLES) this.tables.delete(this.tables.keys().next().value as string);
        counts = { right: 0, wrong: 0 };
        this.tables.set(key, counts);
      }
      if (isRight) counts.right++;
      else counts.wrong++;
      if (counts.right + counts.wrong > FULL) {
        counts.right /= 2;
        counts.wrong /= 2;
      }
    }
  }

  /** Expected share of right proposals, 0..1. */
  of(pointer: Pointer, processKey: string, server: string, client: string, open: number): number {
    const [priorRight, priorWrong] = PRIORS[pointer];
    for (const key of keys(pointer, processKey, server, client, open)) {
      const counts = this.tables.get(key);
      if (counts && counts.right + counts.wrong >= ENOUGH) {
        return (counts.right + priorRight) / (counts.right + counts.wrong + priorRight + priorWrong);
      }
    }
    return priorRight / (priorRight + priorWrong);
  }

  get size(): number {
    return this.tables.size;
  }
}

/** Most specific first. Loads are told apart by powers of two. */
function keys(pointer: Pointer, processKey: string, server: string, client: string, open: number): readonly string[] {
  const load = Math.min(8, Math.ceil(Math.log2(Math.max(1, open))));
  return [`${pointer}|${load}|${processKey}|${server}|${client}`, `${pointer}|${load}|${processKey}`];
}
