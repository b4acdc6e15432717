import { RecentMap } from '@throughline/core';
import { type CauseLink, type JoinExchange, type LinkEvidence, type OpenRequest } from '../model.ts';
import { type Pointer, Reliability } from './Reliability.ts';
import { Requests } from './Requests.ts';

export interface JoinerOptions {
  /** Longest time that a finished call waits for the requests open at its start to finish. @default 1e9 */
  readonly windowNs?: number;
  /** A link below it is not drawn; the candidates are kept. @default 0.8 */
  readonly shownFrom?: number;
  /** Requests and calls held per process; the oldest leave, counted. @default 20_000 */
  readonly maxPerProcess?: number;
  /** Maps a stated probability to a calibrated one; monotone. @default identity */
  readonly calibrate?: (probability: number) => number;
}

export interface Decision {
  readonly exchange: JoinExchange;
  readonly link: CauseLink;
}

interface Request {
  readonly spanId: bigint;
  readonly startNs: number;
  /** Infinity while it is open. */
  endNs: number;
  readonly tid: number;
  readonly endpoint: string;
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly requestId: string;
  responseRequestId: string;
  readonly ingressId: number;
  /** Ingress id that its answer carried. */
  answeredIngressId: number;
}

interface Call {
  readonly exchange: JoinExchange;
  readonly addedNs: number;
}

interface Process {
  readonly requests: Requests<Request>;
  calls: Call[];
  /** Ingress id of an answer that the process received → the call's cause, so that a pointer at an answer leads on to a request. */
  readonly causeOfAnswer: RecentMap<number, bigint>;
  /** Calls by endpoint: with and without an open request. */
  readonly idle: Map<string, { withRequest: number; without: number }>;
  /** Requests whose answer was sent by the thread that received them, and others. */
  readonly threads: { same: number; other: number };
  lastNs: number;
}

const SPAN_ID = /^[0-9a-f]{16}$/;
const MAX_CANDIDATES_KEPT = 4;
/** A process serves each request on one thread if nearly all of this many were answered by the thread that received them. */
const THREADS_ENOUGH = 8;
const THREADS_SAME_SHARE = 0.95;
const THREADS_FULL = 1024;
/** A process that nothing was heard of for this long is forgotten. */
const FORGET_NS = 60e9;
/** A request that was never answered stops being a candidate. */
const MAX_OPEN_NS = 300e9;

/**
 * Joins the calls of each process to the requests that caused them. Ids on the wire decide. Pointers (ingress, thread, answer,
 * birth) propose, each with a reliability learned where ids give the truth. Where several requests are open and nothing
 * tells them apart no link is drawn. Evidence by content (token sketches) enters as another pointer beside these.
 */
export class Joiner {
  private readonly processes = new Map<string, Process>();
  private readonly reliability = new Reliability();
  private readonly windowNs: number;
  private readonly shownFrom: number;
  private readonly maxPerProcess: number;
  private readonly calibrate: (probability: number) => number;
  /** What was forgotten before its time, by reason. */
  readonly drops: Record<string, number> = { join_requests_evicted: 0, join_calls_hurried: 0 };

  constructor({ windowNs = 1e9, shownFrom = 0.8, maxPerProcess = 20_000, calibrate = (p) => p }: JoinerOptions = {}) {
    this.windowNs = windowNs;
    this.shownFrom = shownFrom;
    this.maxPerProcess = maxPerProcess;
    this.calibrate = calibrate;
  }

  /** Announces a request when it arrives, before the calls it causes. */
  open(request: OpenRequest): void {
    const process = this.process(request.processKey, request.startNs);
    if (!process.requests.get(request.spanId)) this.addRequest(process, request);
  }

  /** Hands over a finished exchange. Decisions come from `flush`. */
  add(exchange: JoinExchange): void {
    const process = this.process(exchange.processKey, exchange.endNs);
    process.calls.push({ exchange, addedNs: exchange.endNs });
    if (exchange.side !== 'server') return;
    const request = process.requests.get(exchange.spanId) ?? this.addRequest(process, exchange);
    process.requests.end(request, exchange.endNs);
    request.responseRequestId = exchange.responseRequestId;
    request.answeredIngressId = exchange.responseIngressId;
    countThreads(process, exchange);
  }

  /**
   * @param nowNs clock of the exchanges; Infinity decides everything
   * @returns what can be decided now, in the order of `add`
   */
  flush(nowNs: number): Decision[] {
    const decisions: Decision[] = [];
    for (const [key, process] of this.processes) {
      const waiting: Call[] = [];
      let excess = process.calls.length - this.maxPerProcess;
      for (const call of process.calls) {
        const { exchange, addedNs } = call;
        if (exchange.side === 'server') {
          decisions.push({ exchange, link: exchangeLink(exchange) });
        } else if (nowNs - addedNs >= this.windowNs || this.isSettled(process, exchange)) {
          decisions.push({ exchange, link: this.decide(process, exchange) });
        } else if (excess > 0) {
          this.drops['join_calls_hurried']!++;
          decisions.push({ exchange, link: this.decide(process, exchange) });
        } else {
          waiting.push(call);
          continue;
        }
        excess--;
      }
      process.calls = waiting;
      this.prune(process, nowNs);
      if (process.requests.size === 0 && process.calls.length === 0 && nowNs - process.lastNs > FORGET_NS) {
        this.processes.delete(key);
      }
    }
    return decisions;
  }

  sizes(): Record<string, number> {
    let requests = 0;
    let calls = 0;
    for (const process of this.processes.values()) {
      requests += process.requests.size;
      calls += process.calls.length;
    }
    return {
      join_processes: this.processes.size,
      join_requests: requests,
      join_calls: calls,
      join_tables: this.reliability.size,
    };
  }

  private process(key: string, nowNs: number): Process {
    let process = this.processes.get(key);
    if (!process) {
      process = {
        requests: new Requests(),
        calls: [],
        causeOfAnswer: new RecentMap(this.maxPerProcess),
        idle: new Map(),
        threads: { same: 0, other: 0 },
        lastNs: nowNs,
      };
      this.processes.set(key, process);
    }
    if (nowNs > process.lastNs) process.lastNs = nowNs;
    return process;
  }

  private addRequest(process: Process, from: OpenRequest): Request {
    const request: Request = {
      spanId: from.spanId,
      startNs: from.startNs,
      endNs: Infinity,
      tid: from.tid,
      endpoint: from.endpoint,
      traceId: from.traceId,
      parentSpanId: from.parentSpanId,
      requestId: from.requestId,
      responseRequestId: '',
      ingressId: from.requestIngressId,
      answeredIngressId: 0,
    };
    process.requests.add(request);
    if (process.requests.size > this.maxPerProcess) {
      process.requests.dropOldest();
      this.drops['join_requests_evicted']!++;
    }
    return request;
  }

  private candidates(process: Process, call: JoinExchange): Request[] {
    return process.requests.openAt(call.startNs);
  }

  /** Nothing more can be learned about a call once the requests open at its start have been answered. */
  private isSettled(process: Process, call: JoinExchange): boolean {
    return process.requests.allEnded(call.startNs);
  }

  private decide(process: Process, call: JoinExchange): CauseLink {
    const candidates = this.candidates(process, call);
    const open = candidates.length;
    this.countIdle(process, call.endpoint, open > 0);
    const link = this.byIds(candidates, call) ?? this.byPointers(process, candidates, call);
    if (call.responseIngressId !== 0 && link.parentSpanId !== 0n) {
      process.causeOfAnswer.set(call.responseIngressId, link.parentSpanId);
    }
    const truth =
      link.evidence === 'trace_context' || link.evidence === 'request_id'
        ? process.requests.get(link.parentSpanId)
        : undefined;
    if (truth && open > 1) this.learn(process, candidates, call, truth);
    return link;
  }

  /** Ids on the wire decide: the request that carried what the call carries, else the SDK's span that the call names. */
  private byIds(candidates: readonly Request[], call: JoinExchange): CauseLink | undefined {
    if (call.traceId !== '' && SPAN_ID.test(call.parentSpanId)) {
      const passedOn = candidates.filter(
        (request) => request.traceId === call.traceId && request.parentSpanId === call.parentSpanId
      );
      if (passedOn.length === 1) return certain(passedOn[0]!.spanId, 'trace_context', candidates.length);
      if (passedOn.length === 0) return certain(BigInt(`0x${call.parentSpanId}`), 'trace_context', candidates.length);
    }
    if (call.requestId !== '') {
      const same = candidates.filter(
        (request) => request.requestId === call.requestId || request.responseRequestId === call.requestId
      );
      if (same.length === 1) return certain(same[0]!.spanId, 'request_id', candidates.length);
    }
    return undefined;
  }

  private byPointers(process: Process, candidates: readonly Request[], call: JoinExchange): CauseLink {
    const open = candidates.length;
    if (open === 0) return { parentSpanId: 0n, evidence: 'none', probability: 1, candidateCount: 0, candidates: [] };
    const proposals = this.propose(process, candidates, call);
    if (open === 1) {
      const only = candidates[0]!;
      const agreed = proposals.find(({ request }) => request === only);
      const idleShare = this.idleShare(process, call.endpoint);
      const probability = this.calibrate((agreed ? 0.98 : 0.9) * (1 - idleShare));
      return this.said(only.spanId, agreed ? evidenceOf(agreed.pointer) : 'only_open', probability, open, [
        { spanId: only.spanId, probability },
      ]);
    }
    const best = new Map<Request, { pointer: Pointer; reliability: number }>();
    for (const { request, pointer } of proposals) {
      const reliability = this.reliability.of(pointer, call.processKey, request.endpoint, call.endpoint, open);
      if (reliability > (best.get(request)?.reliability ?? 0)) best.set(request, { pointer, reliability });
    }
    // Pointers that name different requests contradict each other; what none names shares what is left.
    const claimed = [...best.values()].reduce((sum, { reliability }) => sum + reliability, 0);
    const left = open > best.size ? Math.max(0, 1 - claimed) / (open - best.size) : 0;
    const scale = claimed > 1 ? 1 / claimed : 1;
    const weights = candidates.map((request) => {
      const proposal = best.get(request);
      return { request, proposal, probability: this.calibrate(proposal ? proposal.reliability * scale : left) };
    });
    weights.sort((a, b) => b.probability - a.probability || a.request.startNs - b.request.startNs);
    const top = weights[0]!;
    const kept = weights
      .slice(0, MAX_CANDIDATES_KEPT)
      .map(({ request, probability }) => ({ spanId: request.spanId, probability }));
    if (!top.proposal) {
      return { parentSpanId: 0n, evidence: 'one_of', probability: 1 / open, candidateCount: open, candidates: kept };
    }
    return this.said(top.request.spanId, evidenceOf(top.proposal.pointer), top.probability, open, kept);
  }

  /** A link above the threshold is said; below it, "one of N". */
  private said(
    parentSpanId: bigint,
    evidence: LinkEvidence,
    probability: number,
    candidateCount: number,
    candidates: CauseLink['candidates']
  ): CauseLink {
    if (probability >= this.shownFrom) return { parentSpanId, evidence, probability, candidateCount, candidates };
    // One request was open, but calls of this kind come without one too.
    if (candidateCount === 1) {
      return { parentSpanId: 0n, evidence: 'none', probability: 1 - probability, candidateCount, candidates };
    }
    return { parentSpanId: 0n, evidence: 'one_of', probability, candidateCount, candidates };
  }

  private propose(
    process: Process,
    candidates: readonly Request[],
    call: JoinExchange
  ): { request: Request; pointer: Pointer }[] {
    const proposals: { request: Request; pointer: Pointer }[] = [];
    const at = (ingressId: number): Request | undefined => {
      if (ingressId === 0) return undefined;
      const direct = candidates.find((request) => request.ingressId === ingressId);
      if (direct) return direct;
      const cause = process.causeOfAnswer.get(ingressId);
      return cause === undefined ? undefined : candidates.find((request) => request.spanId === cause);
    };
    const onThread = call.tid === 0 ? [] : candidates.filter((request) => request.tid === call.tid);
    const byThread = onThread.length === 1 && servesOnOneThread(process) ? onThread[0] : undefined;
    if (byThread) proposals.push({ request: byThread, pointer: 'thread' });
    const ingress = at(call.requestIngressId);
    if (ingress && ingress !== byThread) proposals.push({ request: ingress, pointer: 'ingress' });
    const birth = at(call.birthId);
    if (birth) proposals.push({ request: birth, pointer: 'birth' });
    if (call.responseIngressId !== 0) {
      const answered = candidates.find((request) => request.answeredIngressId === call.responseIngressId);
      if (answered) proposals.push({ request: answered, pointer: 'answer' });
    }
    return proposals;
  }

  private learn(process: Process, candidates: readonly Request[], call: JoinExchange, truth: Request): void {
    for (const { request, pointer } of this.propose(process, candidates, call)) {
      this.reliability.learn(
        pointer,
        call.processKey,
        request.endpoint,
        call.endpoint,
        candidates.length,
        request === truth
      );
    }
  }

  private countIdle(process: Process, endpoint: string, hasRequest: boolean): void {
    let counts = process.idle.get(endpoint);
    if (!counts) {
      if (process.idle.size > 1000) process.idle.clear();
      process.idle.set(endpoint, (counts = { withRequest: 0, without: 0 }));
    }
    if (hasRequest) counts.withRequest++;
    else counts.without++;
  }

  /** Share of calls of this kind that were made while no request was open: such calls have other causes too. */
  private idleShare(process: Process, endpoint: string): number {
    const counts = process.idle.get(endpoint);
    return counts ? counts.without / (counts.withRequest + counts.without) : 0;
  }

  private prune(process: Process, nowNs: number): void {
    // Calls are handed over late: a request stays until no call that started before its end can still come.
    process.requests.prune(nowNs - 5 * this.windowNs, nowNs - MAX_OPEN_NS);
  }
}

function countThreads({ threads }: Process, { tid, responseTid }: JoinExchange): void {
  if (tid === 0 || responseTid === 0) return;
  if (tid === responseTid) threads.same++;
  else threads.other++;
  if (threads.same + threads.other > THREADS_FULL) {
    threads.same /= 2;
    threads.other /= 2;
  }
}

/** Go and pools move a request between threads: the thread then says nothing. */
function servesOnOneThread({ threads: { same, other } }: Process): boolean {
  return same + other >= THREADS_ENOUGH && same / (same + other) >= THREADS_SAME_SHARE;
}

function exchangeLink(exchange: JoinExchange): CauseLink {
  return { parentSpanId: exchange.exchangeId, evidence: 'exchange', probability: 1, candidateCount: 0, candidates: [] };
}

function certain(parentSpanId: bigint, evidence: LinkEvidence, candidateCount: number): CauseLink {
  return { parentSpanId, evidence, probability: 1, candidateCount, candidates: [] };
}

function evidenceOf(pointer: Pointer): LinkEvidence {
  // The thread's last request is an ingress id that nothing contradicts.
  return pointer === 'thread' ? 'ingress' : pointer;
}
