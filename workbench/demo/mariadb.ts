// MariaDB's data directory is made once, with the shop's tables in it, and copied for every start.
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type UserIds } from './instance.ts';
import { type Programs } from './programs.ts';

const SCHEMA = join(import.meta.dirname, 'services/schema.sql');
const INNODB = [
  '--innodb-log-file-size=8M',
  '--innodb-buffer-pool-size=32M',
  '--innodb-data-file-path=ibdata1:4M:autoextend',
];

/** Runs a program as the user that will own the files, with the given input; fails with its output. */
export type RunAsUser = (argv: readonly string[], input: string) => Promise<void>;

export function serverArguments(programs: Programs, dataDirectory: string): string[] {
  return [
    programs.mariadbd,
    '--no-defaults',
    `--basedir=${baseDirectory(programs)}`,
    `--datadir=${dataDirectory}`,
    '--socket=mysql.sock',
    '--pid-file=mysql.pid',
    '--bind-address=0.0.0.0',
    '--skip-name-resolve',
    '--performance-schema=OFF',
    '--innodb-flush-log-at-trx-commit=2',
    '--max-connections=300',
    '--thread-cache-size=32',
    ...INNODB,
  ];
}

/** Returns the template's path; makes it where it is missing or was made by another schema or server. */
export async function dataTemplate(
  programs: Programs,
  cacheDirectory: string,
  user: UserIds,
  run: RunAsUser
): Promise<string> {
  const key = createHash('sha256')
    .update(readFileSync(SCHEMA))
    .update(readFileSync(programs.mariadbd))
    .update(JSON.stringify([INNODB, user]))
    .digest('hex')
    .slice(0, 12);
  const template = join(cacheDirectory, `mariadb-${key}`);
  if (existsSync(template)) return template;
  const unfinished = `${template}-unfinished-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  chownSync(unfinished, user.uid, user.gid);
  const base = baseDirectory(programs);
  const common = ['--no-defaults', `--basedir=${base}`, `--datadir=${unfinished}`, ...INNODB];
  const initial = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
  try {
    await run([programs.mariadbInstallDb, ...common, ...initial], '');
    await run([programs.mariadbd, ...common, '--bootstrap'], readFileSync(SCHEMA, 'utf8'));
    renameSync(unfinished, template);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another instance may have finished the same template meanwhile.
    if (!existsSync(template)) throw error;
  }
  return template;
}

function baseDirectory(programs: Programs): string {
  return dirname(dirname(programs.mariadbd));
}
