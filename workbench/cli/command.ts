import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CliError } from './errors.ts';

export type Options = NonNullable<ParseArgsConfig['options']>;

type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true; strict: true }>>;

export interface Command {
  readonly summary: string;
  readonly help: string;
  /** Returns the exit code. @throws CliError USAGE for arguments it does not know */
  run(argv: readonly string[]): Promise<number>;
}

interface Definition<O extends Options> {
  readonly summary: string;
  /** `sql STATEMENT [--format F]` and what each part means. */
  readonly usage: string;
  readonly options: O;
  readonly maxPositionals?: number;
  readonly run: (values: Parsed<O>['values'], positionals: readonly string[]) => Promise<number>;
}

export function defineCommand<const O extends Options>(definition: Definition<O>): Command {
  const { summary, usage, options, maxPositionals = 0, run } = definition;
  return {
    summary,
    help: `${summary}\n\nusage: ./throughline ${usage}\n`,
    run(argv) {
      const { values, positionals } = parse(argv, options);
      if (positionals.length > maxPositionals) {
        throw new CliError('USAGE', `unexpected argument "${positionals[maxPositionals]}"`);
      }
      return run(values, positionals);
    },
  };
}

function parse<const O extends Options>(argv: readonly string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true as const, strict: true as const });
  } catch (error) {
    if (error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) {
      // Only the first sentence: the rest explains how to escape dashes.
      throw new CliError('USAGE', error.message.split('. ')[0] ?? error.message, { cause: error });
    }
    throw error;
  }
}

/** A port base leaves room for the highest port above it. */
const MAX_PORT_BASE = 65_535 - 80;

export function parsePortBase(text: string): number {
  const portBase = Number(text);
  if (!/^\d+$/.test(text) || portBase < 1 || portBase > MAX_PORT_BASE) {
    throw new CliError('USAGE', `--port-base takes a number from 1 to ${MAX_PORT_BASE}, not "${text}"`);
  }
  return portBase;
}

export function parsePositiveInteger(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new CliError('USAGE', `${option} takes a whole number from 1 to 999999999, not "${text}"`);
  }
  return Number(text);
}
