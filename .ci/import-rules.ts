// Who may import whom. `node .ci/import-rules.ts` prints every import that breaks a rule.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(import.meta.dirname, '..');
const SCOPE = '@throughline/';

// Rule: a package imports only the packages of ours that it is listed with. Contracts do not know each other, so that
// each can be read, and replaced, alone; the agent does not know tables, the store does not know what it stores.
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'libs/core': [],
  'libs/wire': ['core'],
  'libs/schema': ['core'],
  'libs/clickhouse': ['core'],
  'libs/ebpf': ['core'],
  'libs/grafana-backend': ['core'],
  'libs/query': ['core', 'schema'],
  'libs/viz': ['core'],
  'libs/ui': ['core', 'query', 'viz'],
  'libs/plugin-build': [],
  'libs/tracing': ['core'],
  agent: ['core', 'wire', 'ebpf', 'tracing'],
  ingest: ['core', 'wire', 'schema', 'clickhouse', 'tracing'],
  store: ['core'],
  'datasource-plugin': ['core', 'query', 'schema', 'clickhouse', 'tracing', 'grafana-backend', 'ui', 'viz'],
  'panels/topology': ['core', 'query', 'viz', 'ui'],
  'panels/waterfall': ['core', 'query', 'viz', 'ui'],
  'app-plugin': ['core', 'query', 'viz', 'ui'],
  bpf: [],
};

// Rule: these (and what lies at the root) import everything; nothing that is shipped imports them.
const UNSHIPPED = ['', 'workbench', 'provisioning', 'deploy', 'docs', 'tests', 'bench', '.ci', 'libs/testkit'];

// Rule: no Node built-ins where the code also runs in a browser. (`core` and `tracing` import nothing but ours at all.)
const BROWSER_SAFE = [
  'libs/query',
  'libs/tracing',
  'libs/core',
  'libs/viz',
  'libs/ui',
  'panels/topology',
  'panels/waterfall',
  'app-plugin',
];

export interface Violation {
  readonly file: string;
  readonly specifier: string;
  readonly reason: string;
}

/** @param file relative to the project's root @param declared dependencies in the package.json of the file's package */
export function checkFile(file: string, text: string, declared: ReadonlySet<string>): Violation[] {
  const owner = ownerOf(file);
  const found = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  return [...new Set(found)].flatMap((specifier) => {
    const reason = breach(file, owner, specifier, declared);
    return reason === undefined ? [] : [{ file, specifier, reason }];
  });
}

function breach(file: string, owner: string, specifier: string, declared: ReadonlySet<string>): string | undefined {
  const isTest = /\.test\.tsx?$/.test(file) || /(^|\/)testdata\//.test(file);
  const isShipped = !isTest && !UNSHIPPED.includes(owner);
  if (specifier.startsWith('.')) {
    const target = ownerOf(relative(ROOT, resolve(ROOT, dirname(file), specifier)));
    // Rule: from package to package by name, so that `exports` decides what is public.
    if (isShipped && target !== owner) return `reaches into ${target} by path: import ${SCOPE}… by name`;
    return undefined;
  }
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `a built-in of Node is imported as node:${specifier}`;
    return isShipped && BROWSER_SAFE.includes(owner) ? `${owner} runs in browsers: no Node built-ins` : undefined;
  }
  if (!isShipped) return undefined;
  // Rule: a package declares what it imports.
  const name = packageName(specifier);
  if (!declared.has(name)) return `${name} is not among the dependencies of ${owner}`;
  if (!specifier.startsWith(SCOPE)) return undefined;
  const imported = name.slice(SCOPE.length);
  const allowed = MAY_IMPORT[owner];
  if (allowed === undefined) return `${owner} has no rule: add it to .ci/import-rules.ts`;
  if (allowed.includes(imported)) return undefined;
  return `${owner} may import ${allowed.length === 0 ? 'none of our packages' : `only ${allowed.join(', ')}`}`;
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** `libs/core`, `panels/topology` for files below them; else the top folder, '' for files at the root. */
export function ownerOf(file: string): string {
  const [top = '', second] = file.split('/');
  if (second === undefined) return '';
  return top === 'libs' || top === 'panels' ? `${top}/${second}` : top;
}

function declaredDependencies(owner: string): Set<string> {
  const path = join(ROOT, owner, 'package.json');
  if (!existsSync(path)) return new Set();
  const { dependencies = {} } = JSON.parse(readFileSync(path, 'utf8')) as { dependencies?: Record<string, string> };
  return new Set(Object.keys(dependencies));
}

const SKIPPED_FOLDERS = new Set(['node_modules', '.git', '.throughline', 'dist', 'gen']);

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

if (import.meta.main) {
  const files = sources('.');
  const declared = new Map([...new Set(files.map(ownerOf))].map((owner) => [owner, declaredDependencies(owner)]));
  const violations = files.flatMap((file) =>
    checkFile(file, readFileSync(join(ROOT, file), 'utf8'), declared.get(ownerOf(file)) ?? new Set())
  );
  for (const { file, specifier, reason } of violations) console.error(`${file}: import of "${specifier}": ${reason}`);
  console.log(`${files.length} files, ${violations.length} imports break a rule`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
