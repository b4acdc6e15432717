import { defineCommand } from '../command.ts';
import { runTests } from '../testStages.ts';

export const test = defineCommand({
  summary: 'Checks format, types, lint, imports and generated files; runs all tests',
  usage: `test [--no-install]

  --no-install    as root, do not install the Debian packages that some tests need; they are skipped

The last line is "N passed, N failed". What a test needs and this machine lacks is skipped with its reason.`,
  options: { 'no-install': { type: 'boolean', default: false } },
  run: (values) => runTests({ install: !values['no-install'] }),
});
