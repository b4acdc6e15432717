import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CliError } from './errors.ts';
import { PROJECT_ROOT } from './instance.ts';

/**
 * Builds the plugins and the page around them where they are stale: seconds the first time, nothing after. In a process
 * of its own, since compilers keep a core busy.
 * @throws CliError FRONTEND_BUILD with what the compilers said
 */
export async function buildFrontend(onProgress: (message: string) => void, signal: AbortSignal): Promise<void> {
  // Set by those who build themselves: `npm run dev` does, on every change.
  if (process.env['THROUGHLINE_FRONTEND_BUILD'] === 'off') return;
  const child = spawn(process.execPath, [join(PROJECT_ROOT, 'workbench/host/build.ts')], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', onProgress);
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const ended = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, killedBy) => resolve(code ?? killedBy ?? 'ended'));
  });
  signal.throwIfAborted();
  if (ended !== 0) {
    throw new CliError(
      'FRONTEND_BUILD',
      `the plugins or their page could not be built (${ended}):\n${errors.join('\n')}`
    );
  }
}
