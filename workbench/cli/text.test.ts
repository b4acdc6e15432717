import { describe, expect, it } from 'vitest';
import { decodeCapabilities, mayCapture } from './capabilities.ts';
import { parseTrace } from './traceJson.ts';
import { readList, renderList } from './traceList.ts';
import { failuresOf, sum, type VitestReport } from './testReport.ts';

describe('capabilities', () => {
  // Masks as `capsh --decode` explains them.
  it('are read from the mask in /proc', () => {
    expect(decodeCapabilities('0000000000000000')).toEqual([]);
    expect(decodeCapabilities('0000000000002000')).toEqual(['CAP_NET_RAW']);
    expect(decodeCapabilities('000000c000203000')).toEqual([
      'CAP_NET_ADMIN',
      'CAP_NET_RAW',
      'CAP_SYS_ADMIN',
      'CAP_PERFMON',
      'CAP_BPF',
    ]);
    expect(decodeCapabilities('000001ffffffffff')).toHaveLength(8);
  });

  it('decide whether there is an agent', () => {
    expect(mayCapture([])).toBe(false);
    expect(mayCapture(['CAP_NET_RAW'])).toBe(true);
  });
});

describe('a list of traces', () => {
  const answer = (values: unknown[][]): string => {
    const names = ['traceID', 'startTime', 'service', 'name', 'duration', 'status', 'code', 'failure', 'protocol'];
    return JSON.stringify({
      results: {
        A: { status: 200, frames: [{ schema: { fields: names.map((name) => ({ name })) }, data: { values } }] },
      },
    });
  };

  it('is read from a frame and printed in columns', () => {
    const list = readList(
      answer([
        ['00000000000000aa', 'bb'],
        [Date.UTC(2026, 0, 2, 3, 4, 5, 678), 0],
        ['gateway', 'x'],
        ['GET /api/products', 'PING'],
        [1_500_000, 900],
        ['Error', 'Unset'],
        [503, 0],
        ['', ''],
        ['http', 'redis'],
      ])
    );
    expect(renderList(list, false)).toBe(
      'time (UTC)    service  request            duration  outcome  id\n' +
        '03:04:05.678  gateway  GET /api/products   1.50 ms  503      00000000000000aa\n' +
        '00:00:00.000  x        PING                 900 ns  Unset    bb\n'
    );
    expect(renderList(list, true)).toContain('\u001b[31m03:04:05.678');
  });

  it('says so when it is empty, and what went wrong', () => {
    expect(renderList(readList(answer([])), false)).toContain('no request was seen');
    const failed = JSON.stringify({ results: { A: { status: 500, error: 'store is gone', frames: [] } } });
    expect(() => readList(failed)).toThrow('store is gone');
  });
});

it('a trace gets back what JSON cannot hold', () => {
  const trace = parseTrace(
    '{"startNs":"1767323045678000001","roots":[{"startNs":5,"span":{"startNs":"1767323045678000002"}}],' +
      '"clocks":[{"uncertaintyNs":null}]}'
  );
  expect(trace.startNs).toBe(1_767_323_045_678_000_001n);
  expect(trace.roots[0]?.startNs).toBe(5);
  expect(trace.roots[0]?.span.startNs).toBe(1_767_323_045_678_000_002n);
  expect(trace.clocks[0]?.uncertaintyNs).toBe(Infinity);
});

describe("vitest's report", () => {
  const file = (status: string, tests: string[], message = ''): VitestReport['testResults'][number] => ({
    name: '/project/a/b.test.ts',
    status,
    message,
    assertionResults: tests.map((each, i) => ({ fullName: `t${i}`, status: each, failureMessages: [`because ${i}`] })),
  });
  const report = (...testResults: VitestReport['testResults']): VitestReport => ({
    numPassedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults,
  });

  it('names failed tests, and files that could not be loaded', () => {
    expect(failuresOf(report(file('failed', ['passed', 'failed'])), 1, '/project')).toEqual([
      { test: 'a/b.test.ts: t1', message: 'because 1' },
    ]);
    expect(failuresOf(report(file('failed', [], 'cannot load')), 1, '/project')).toEqual([
      { test: 'a/b.test.ts', message: 'cannot load' },
    ]);
  });

  it('never lets a failed run look passed', () => {
    expect(failuresOf(report(file('passed', ['passed'])), 0, '/project')).toEqual([]);
    expect(failuresOf(report(file('passed', ['passed'])), 1, '/project')).toHaveLength(1);
    expect(failuresOf(undefined, 'SIGKILL', '/project')).toHaveLength(1);
  });

  it('adds up', () => {
    const one = { passed: 1, failed: 2, skipped: 3 };
    expect(sum([one, one])).toEqual({ passed: 2, failed: 4, skipped: 6 });
    expect(sum([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});
