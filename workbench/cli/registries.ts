// Whether what the first start downloads can be reached, asked with the programs that download: they know the mirror,
// the proxy and the certificates that are configured here.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from './instance.ts';

const ANSWER_SECONDS = 3;
/** npm itself takes a second to start, more on a busy machine. */
const GIVE_UP_MS = 8_000;
const APT_HELPER = '/usr/lib/apt/apt-helper';

export interface Reachability {
  readonly url: string;
  readonly reachable: boolean;
}

/** Undefined where there is no apt, or no source is configured. */
export async function debianReachability(): Promise<Reachability | undefined> {
  const targets = await output([
    'apt-get',
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE)',
    'Created-By: Packages',
  ]);
  const [source, release] = targets?.split('\n')[0]?.split(' ') ?? [];
  if (source === undefined || source === '' || release === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'throughline-doctor-'));
  try {
    const limits = [`Acquire::http::Timeout=${ANSWER_SECONDS}`, `Acquire::https::Timeout=${ANSWER_SECONDS}`];
    const options = [...limits, 'Acquire::Retries=0'].flatMap((limit) => ['-o', limit]);
    const url = `${source}dists/${release}/InRelease`;
    const answer = await output([APT_HELPER, ...options, 'download-file', url, join(folder, 'InRelease')]);
    return { url: source, reachable: answer !== undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks for the newest version of one of our own dependencies; with a cache that holds no older answer. */
export async function npmReachability(): Promise<Reachability> {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-doctor-'));
  try {
    const limits = [`--fetch-timeout=${ANSWER_SECONDS * 1000}`, '--fetch-retries=0', `--cache=${folder}`];
    const [registry, version] = await Promise.all([
      output(['npm', 'config', 'get', 'registry']),
      output(['npm', 'view', 'zod', 'version', ...limits]),
    ]);
    return { url: registry ?? 'npm', reachable: version !== undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Undefined where the program is missing, fails, or takes too long. */
function output(argv: readonly string[]): Promise<string | undefined> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    cwd: PROJECT_ROOT,
    timeout: GIVE_UP_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code === 0 ? text.trim() : undefined));
    // A helper of a killed program may keep the pipe.
    child.once('exit', (code) => code !== 0 && resolve(undefined));
  });
}
