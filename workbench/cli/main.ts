// Throughline's command line; `throughline` at the root of the project starts it.
import { type Command } from './command.ts';
import { CliError } from './errors.ts';

/** Each command is loaded when it is called: `sql` does not wait for the demo's code. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./commands/demo.ts')).demo,
  up: async () => (await import('./commands/up.ts')).up,
  stop: async () => (await import('./commands/stop.ts')).stop,
  trace: async () => (await import('./commands/trace.ts')).trace,
  sql: async () => (await import('./commands/sql.ts')).sql,
  replay: async () => (await import('./commands/replay.ts')).replayCommand,
  fault: async () => (await import('./commands/fault.ts')).fault,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  test: async () => (await import('./commands/test.ts')).test,
};

async function overview(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => `  ${name.padEnd(8)} ${(await load()).summary}`)
  );
  return (
    'Throughline explains a running system that nobody instrumented.\n\nusage: ./throughline COMMAND [options]\n\n' +
    `${lines.join('\n')}\n  ${'help'.padEnd(8)} Shows this, or "help COMMAND" the options of one\n\n` +
    'Start with "./throughline demo", then "./throughline trace" in another terminal.\n'
  );
}

async function main(argv: readonly string[]): Promise<number> {
  const [first = 'help', ...rest] = argv;
  const wantsHelp = first === 'help' || first === '--help' || first === '-h';
  const name = wantsHelp ? rest[0] : first;
  if (name === undefined) {
    process.stdout.write(await overview());
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    process.stderr.write(`throughline: there is no command "${name}"\n\n${await overview()}`);
    return 2;
  }
  const command = await load();
  const beforeEnd = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (wantsHelp || beforeEnd.includes('--help') || beforeEnd.includes('-h')) {
    process.stdout.write(command.help);
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    if (error instanceof CliError && error.code === 'USAGE') {
      process.stderr.write(`throughline ${name}: ${error.message}\n\n${command.help}`);
      return 2;
    }
    throw error;
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // "| head" has seen enough
  throw error;
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isOurs = error instanceof Error && 'code' in error;
  const text = error instanceof Error ? (isOurs ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`throughline: ${text}\n`);
  process.exitCode = 1;
}
