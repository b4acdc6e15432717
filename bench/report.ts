import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/** One measured figure. `target` is the one of docs/figures.md, as text, where there is one. */
export interface Figure {
  readonly name: string;
  readonly value: number | string;
  readonly unit: string;
  readonly target?: string;
  readonly note?: string;
}

export interface Report {
  readonly bench: string;
  /** What went in: rows, seconds, connections, sizes. */
  readonly input: string;
  readonly figures: readonly Figure[];
}

export function machine(): string {
  const processor = cpus()[0]?.model ?? 'unknown processor';
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  return `${cpus().length} × ${processor}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${kernel}, Node ${process.versions.node}`;
}

/** What the machine did besides is noise: the load average at the end of the run tells how much. */
function noise(): string {
  return `load average ${loadavg()[0]!.toFixed(1)} over the last minute`;
}

/** Prints the report and keeps it under bench/results, from which docs/figures.md is made. */
export function publish(report: Report): void {
  const at = new Date().toISOString().slice(0, 10);
  let commit = 'unknown';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    }).trim();
  } catch {
    // A release has no repository; the figure then names no commit.
  }
  console.log(`${report.bench}\n  machine  ${machine()}, ${noise()}\n  input    ${report.input}`);
  for (const figure of report.figures) {
    const target = figure.target === undefined ? '' : `   (target ${figure.target})`;
    console.log(
      `  ${figure.name.padEnd(44)} ${String(figure.value)} ${figure.unit}${target}${figure.note ? `   ${figure.note}` : ''}`
    );
  }
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const stored = { ...report, machine: `${machine()}, ${noise()}`, at, commit };
  writeFileSync(new URL(`${report.bench}.json`, folder), JSON.stringify(stored, null, 2) + '\n');
}

/** @returns value below which the share `q` (0..1) of `values` lies; NaN for none. Sorts a copy. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** CPU seconds (user and system) that a process has used, from /proc/PID/stat; clock ticks are 100 a second on Linux. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process, MiB. */
export function residentMiB(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? NaN) / 1024;
}
