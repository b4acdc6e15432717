import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT, STATE_DIRECTORY } from './instance.ts';
import { installOldestPackages, installTestTools } from './testTools.ts';
import { failuresOf, sum, type Counts, type Failure, type VitestReport } from './testReport.ts';

interface Stage {
  readonly name: string;
  readonly argv: readonly string[];
  /** Writes a report of single tests; other stages count as one test each. */
  readonly reports?: boolean;
}

const vitest = (project: string): readonly string[] => ['vitest', 'run', '--project', project];

const STAGES: readonly Stage[] = [
  { name: 'format', argv: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'types', argv: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'web types', argv: ['tsc', '-p', 'tsconfig.web.json'] },
  { name: 'lint', argv: ['eslint', '--max-warnings=0', '.'] },
  { name: 'imports', argv: ['node', '.ci/import-rules.ts'] },
  { name: 'generated', argv: ['node', '.ci/generate.ts', '--check'] },
  { name: 'build', argv: ['node', 'workbench/host/build.ts'] },
  { name: 'unit', argv: vitest('unit'), reports: true },
  { name: 'web', argv: vitest('web'), reports: true },
  { name: 'int', argv: vitest('int'), reports: true },
  { name: 'e2e', argv: vitest('e2e'), reports: true },
];

interface StageResult extends Counts {
  readonly name: string;
  readonly seconds: number;
  readonly failures: readonly Failure[];
}

/** Runs every stage, also after one that failed. Returns the exit code. */
export async function runTests({ install }: { readonly install: boolean }): Promise<number> {
  if (install) {
    installTestTools();
    installOldestPackages();
  }
  const results: StageResult[] = [];
  for (const stage of STAGES) {
    print(`\n── ${stage.name}`);
    results.push(await runStage(stage));
  }
  for (const { name, failures } of results) {
    for (const { test, message } of failures) print(`\nFAILED ${name}: ${test}\n${message}`);
  }
  print('');
  for (const { name, passed, failed, skipped, seconds } of results) {
    print(
      `${name.padEnd(10)} ${seconds.toFixed(1).padStart(6)} s  ${passed} passed, ${failed} failed, ${skipped} skipped`
    );
  }
  const total = sum(results);
  print(`${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 ? 1 : 0;
}

async function runStage({ name, argv, reports = false }: Stage): Promise<StageResult> {
  const start = performance.now();
  mkdirSync(STATE_DIRECTORY, { recursive: true });
  const folder = mkdtempSync(join(STATE_DIRECTORY, 'test-report-'));
  try {
    const reportPath = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const exitCode = await run([...argv, ...(reports ? reporters : [])]);
    const seconds = (performance.now() - start) / 1000;
    if (!reports) {
      const failures = exitCode === 0 ? [] : [{ test: argv.join(' '), message: `ended with ${exitCode}, see above` }];
      return { name, seconds, passed: 1 - failures.length, failed: failures.length, skipped: 0, failures };
    }
    const report = readReport(reportPath);
    const failures = failuresOf(report, exitCode, PROJECT_ROOT);
    const passed = report?.numPassedTests ?? 0;
    const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
    return { name, seconds, passed, failed: failures.length, skipped, failures };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  } catch {
    return undefined; // the exit code tells
  }
}

/** With our Node and the project's programs first. */
function run(argv: readonly string[]): Promise<number | string> {
  const [program = '', ...args] = argv;
  const bin = join(PROJECT_ROOT, 'node_modules/.bin');
  const child = spawn(join(bin, program), args, {
    cwd: PROJECT_ROOT,
    env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1));
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
