import { expect, it } from 'vitest';
import { formatLogLine } from './log.ts';

it('writes hclog JSON with six fraction digits', () => {
  const line = formatLogLine(new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 67)), 'warn', 'm', 'text\nmore', { id: 1n });
  expect(JSON.parse(line)).toEqual({
    '@level': 'warn',
    '@message': 'text\nmore',
    '@module': 'm',
    '@timestamp': '2026-01-02T03:04:05.067000Z',
    id: '1',
  });
  expect(line).not.toContain('\n');
});
