import { relative } from 'node:path';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Failure {
  readonly test: string;
  readonly message: string;
}

/** What we read of the report of vitest's JSON reporter. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    /** Absolute path of the file. */
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

/** Failed tests, files that could not be run, and what else made vitest fail; never empty when it did. */
export function failuresOf(report: VitestReport | undefined, exitCode: number | string, root: string): Failure[] {
  const failures = (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }): Failure[] => {
    const file = relative(root, name);
    const failed = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => ({ test: `${file}: ${test.fullName}`, message: (test.failureMessages ?? []).join('\n') }));
    // A file that does not load, or a hook that fails, has no failed test.
    return failed.length === 0 && status === 'failed' ? [{ test: file, message }] : failed;
  });
  if (failures.length > 0 || exitCode === 0) return failures;
  return [{ test: 'vitest', message: `ended with ${exitCode} though no test failed, see above` }];
}

export function sum(counts: readonly Counts[]): Counts {
  return counts.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 }
  );
}
