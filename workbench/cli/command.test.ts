import { describe, expect, it } from 'vitest';
import { defineCommand, parsePortBase, parsePositiveInteger } from './command.ts';
import { CliError } from './errors.ts';

const echo = defineCommand({
  summary: 'Says what it understood',
  usage: 'echo [WORD] [--loud] [--times N]',
  options: { loud: { type: 'boolean', default: false }, times: { type: 'string' } },
  maxPositionals: 1,
  run: (values, positionals) =>
    Promise.resolve(values.loud && values.times === '3' && positionals[0] === 'hey' ? 7 : 8),
});

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CliError && error.code === 'USAGE') return error.message;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a command', () => {
  it('gets its options and arguments, in any order', async () => {
    expect(await echo.run(['--times=3', 'hey', '--loud'])).toBe(7);
    expect(await echo.run(['--loud', '--times', '3', '--', 'hey'])).toBe(7);
    expect(await echo.run(['hey'])).toBe(8);
  });

  it.each([
    [['--lout'], '--lout'],
    [['-x'], '-x'],
    [['--times'], '--times'],
    [['--loud=yes'], '--loud'],
    [['hey', 'you'], 'you'],
  ])('refuses %j and names what it does not know', (argv, named) => {
    expect(refusal(() => echo.run(argv))).toContain(named);
  });
});

describe('numbers', () => {
  it('are taken where they make sense', () => {
    expect(parsePortBase('4300')).toBe(4300);
    expect(parsePortBase('65455')).toBe(65_455);
    expect(parsePositiveInteger('--limit', '20')).toBe(20);
  });

  it.each(['', '0', '-1', '65456', '4300.5', '1e3', '0x10', ' 4300', 'abc'])('a port base is not "%s"', (text) => {
    expect(refusal(() => parsePortBase(text))).toContain(`"${text}"`);
  });

  it.each(['', '0', '-1', '1.5', 'many'])('a limit is not "%s"', (text) => {
    expect(refusal(() => parsePositiveInteger('--limit', text))).toContain('--limit');
  });
});
