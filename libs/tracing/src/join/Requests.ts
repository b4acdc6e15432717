/** What is held of a request: when it was open. */
export interface Interval {
  readonly spanId: bigint;
  readonly startNs: number;
  /** Infinity while it is open. */
  endNs: number;
}

/** Dropped ones are cut off the front of the array when they are this many, not one by one. */
const CUT_AT = 1024;

/**
 * The requests of one process, to be asked which were open at a time: those that are open still, in order of arrival, and
 * those that have ended, in order of their end. A call asks about the recent past, so few of them are looked at.
 */
export class Requests<Request extends Interval> {
  private readonly bySpanId = new Map<bigint, Request>();
  private readonly open = new Set<Request>();
  private ended: Request[] = [];
  /** Before it lies what has been dropped. */
  private first = 0;

  get size(): number {
    return this.bySpanId.size;
  }

  get(spanId: bigint): Request | undefined {
    return this.bySpanId.get(spanId);
  }

  add(request: Request): void {
    this.bySpanId.set(request.spanId, request);
    this.open.add(request);
  }

  end(request: Request, endNs: number): void {
    if (!this.open.delete(request)) return;
    request.endNs = endNs;
    // They come nearly in order.
    let at = this.ended.length;
    while (at > this.first && this.ended[at - 1]!.endNs > endNs) at--;
    if (at === this.ended.length) this.ended.push(request);
    else this.ended.splice(at, 0, request);
  }

  /** By their start. */
  openAt(timeNs: number): Request[] {
    const found: Request[] = [];
    for (const request of this.open) if (request.startNs <= timeNs) found.push(request);
    for (let i = this.firstEndedFrom(timeNs); i < this.ended.length; i++) {
      const request = this.ended[i]!;
      if (request.startNs <= timeNs) found.push(request);
    }
    return found.sort((a, b) => a.startNs - b.startNs);
  }

  /** Whether none of those open at that time is open still. */
  allEnded(timeNs: number): boolean {
    for (const request of this.open) if (request.startNs <= timeNs) return false;
    return true;
  }

  dropOldest(): void {
    const [oldestOpen] = this.open;
    const oldest = this.ended[this.first] ?? oldestOpen;
    if (oldest) this.drop(oldest);
  }

  /** @param endedBefore those that ended before it; @param openSince and those open since before it */
  prune(endedBefore: number, openSince: number): void {
    while (this.first < this.ended.length && this.ended[this.first]!.endNs < endedBefore) {
      this.drop(this.ended[this.first]!);
    }
    for (const request of this.open) if (request.startNs < openSince) this.drop(request);
  }

  private drop(request: Request): void {
    this.bySpanId.delete(request.spanId);
    if (this.open.delete(request)) return;
    this.first++;
    if (this.first < CUT_AT) return;
    this.ended = this.ended.slice(this.first);
    this.first = 0;
  }

  private firstEndedFrom(timeNs: number): number {
    let low = this.first;
    let high = this.ended.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ended[middle]!.endNs < timeNs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
