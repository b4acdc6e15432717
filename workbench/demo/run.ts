import { spawn } from 'node:child_process';
import { DemoError } from './errors.ts';

/** Runs a program to its end; fails with what it printed last. */
export async function runProgram(
  argv: readonly string[],
  input: string,
  environment: Readonly<NodeJS.ProcessEnv>
): Promise<void> {
  const [file, ...rest] = argv;
  if (file === undefined) throw new Error('empty command');
  const child = spawn(file, rest, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-2000);
    });
  }
  child.stdin.on('error', () => undefined); // the exit code tells
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new DemoError('COMMAND_FAILED', `"${file}" ended with ${code}: ${output.trim()}`);
}
