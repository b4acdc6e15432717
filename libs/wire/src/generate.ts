/**
 * Generates src/gen from proto/ with buf and ts-proto.
 * `node src/generate.ts` writes; with `--check` it fails where the committed files differ from what would be written.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..');
const binaries = join(folder, '../../node_modules/.bin');
const committed = join(import.meta.dirname, 'gen');

function generate(into: string): void {
  execFileSync(join(binaries, 'buf'), ['generate', '--output', into], {
    cwd: folder,
    env: { ...process.env, PATH: `${binaries}:${process.env['PATH'] ?? ''}` },
    stdio: 'inherit',
  });
}

function read(root: string): string {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return JSON.stringify(files.sort().map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

if (process.argv.includes('--check')) {
  const scratch = mkdtempSync(join(tmpdir(), 'wire-gen-'));
  try {
    generate(scratch);
    if (read(join(scratch, 'src/gen')) !== read(committed)) {
      process.stderr.write('libs/wire/src/gen is stale: run npm run gen\n');
      process.exitCode = 1;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
} else {
  generate(folder);
}
