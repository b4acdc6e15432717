import { basename, dirname } from 'node:path';

/** The name of a process's service: the first that exists, in the order of design and docs/semantics.md. */

export type NameSource = 'environment' | 'labels' | 'unit' | 'command' | 'executable';

export interface ServiceName {
  readonly name: string;
  readonly source: NameSource;
}

export interface NameEvidence {
  readonly executable: string;
  readonly commandLine: readonly string[];
  /** Only OTEL_… variables are read. */
  readonly environment: ReadonlyMap<string, string>;
  readonly systemdUnit: string | undefined;
  /** Name of the package.json beside, or above, a Node script. */
  packageName(script: string): string | undefined;
}

export function serviceName(evidence: NameEvidence): ServiceName {
  const { executable, commandLine, environment, systemdUnit } = evidence;
  const declared = environment.get('OTEL_SERVICE_NAME') || resourceAttribute(environment, 'service.name');
  if (declared) return { name: declared, source: 'environment' };
  const labels =
    resourceAttribute(environment, 'k8s.deployment.name') || resourceAttribute(environment, 'container.name');
  if (labels) return { name: labels, source: 'labels' };
  if (systemdUnit) return { name: systemdUnit, source: 'unit' };
  const command = fromCommandLine(commandLine, evidence);
  if (command) return { name: command, source: 'command' };
  // What it was called by: one file may be several programs, such as redis-server. A title has a colon ("nginx: worker").
  const called = basename(commandLine[0] ?? '')
    .replace(/:$/, '')
    .replace(/^-/, '');
  return { name: called || basename(executable) || 'unknown', source: 'executable' };
}

/** One of OTEL_RESOURCE_ATTRIBUTES. */
export function resourceAttribute(environment: ReadonlyMap<string, string>, key: string): string | undefined {
  for (const pair of (environment.get('OTEL_RESOURCE_ATTRIBUTES') ?? '').split(',')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === key) return safeDecode(pair.slice(at + 1).trim());
  }
  return undefined;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What an interpreter runs, not the interpreter. */
function fromCommandLine(commandLine: readonly string[], evidence: NameEvidence): string | undefined {
  const program = basename(commandLine[0] ?? '');
  const args = commandLine.slice(1);
  if (/^java$/.test(program)) return javaName(args);
  if (/^(python|pypy)[\d.]*$/.test(program)) return pythonName(args);
  if (/^(node|nodejs|bun|deno|tsx|ts-node)$/.test(program)) return nodeName(args, evidence);
  if (/^(ruby|perl|php)[\d.]*$/.test(program)) {
    const script = args.find((arg) => !arg.startsWith('-'));
    return script === undefined ? undefined : stem(script);
  }
  return undefined;
}

/** `-jar x.jar`, else the main class; options that take a value are skipped with it. */
function javaName(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '-jar') return args[i + 1] === undefined ? undefined : stem(args[i + 1]!);
    if (/^(-cp|-classpath|--class-path|-p|--module-path|--add-modules|--add-opens|--add-exports)$/.test(arg)) i++;
    else if (arg === '-m' || arg === '--module') return args[i + 1]?.split('/').pop();
    else if (!arg.startsWith('-')) return arg.endsWith('.java') ? stem(arg) : arg.split('.').pop();
  }
  return undefined;
}

function pythonName(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '-m') {
      // Servers that run an application: what they run is the name.
      const module = args[i + 1];
      if (module === 'gunicorn' || module === 'uvicorn' || module === 'hypercorn') {
        return (
          args
            .slice(i + 2)
            .find((each) => /^[\w.]+:\w+$/.test(each))
            ?.split(':')[0] ?? module
        );
      }
      return module;
    }
    if (arg === '-W' || arg === '-X') i++;
    else if (arg === '-c') return undefined;
    else if (!arg.startsWith('-')) return generic(stem(arg)) ? (parentName(arg) ?? stem(arg)) : stem(arg);
  }
  return undefined;
}

function nodeName(args: readonly string[], evidence: NameEvidence): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (/^(-r|--require|--import|--loader|--experimental-loader|-C|--conditions)$/.test(arg)) i++;
    else if (arg === '-e' || arg === '--eval' || arg === '-p') return undefined;
    else if (!arg.startsWith('-'))
      return generic(stem(arg)) ? (evidence.packageName(arg) ?? parentName(arg) ?? stem(arg)) : stem(arg);
  }
  return undefined;
}

/** Names that many programs have. */
function generic(name: string): boolean {
  return /^(main|index|server|app|service|start|run|__main__|manage|wsgi|asgi)$/i.test(name);
}

function stem(path: string): string {
  return basename(path).replace(/\.(jar|war|java|py|pyc|m?js|cjs|ts|mts|rb|pl|php)$/, '');
}

function parentName(path: string): string | undefined {
  const parts = dirname(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  const name = parts.reverse().find((part) => !/^(src|bin|dist|lib|build|app)$/.test(part));
  return name;
}
