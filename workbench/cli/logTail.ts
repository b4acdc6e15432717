import { readFileSync } from 'node:fs';

const LINES = 8;
/** What Node adds below an uncaught exception, and stack frames of its own code: they say nothing about the cause. */
const NOISE = /^(Node\.js v[\d.]+|\s+at .*\(?node:internal\/.*|\s*)$/;

/** The last lines of a service's log that help, each indented on a line of its own. */
export function logTail(path: string): string {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !NOISE.test(line));
  return lines
    .slice(-LINES)
    .map((line) => `\n  ${messageOf(line)}`)
    .join('');
}

/** The message of a JSON line, or the line itself. */
function messageOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const entry = JSON.parse(line) as { msg?: unknown };
    return typeof entry.msg === 'string' ? entry.msg : line;
  } catch {
    return line;
  }
}
