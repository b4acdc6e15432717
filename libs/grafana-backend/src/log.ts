import { writeSync } from 'node:fs';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * One hclog JSON object per line. go-plugin reads the line as structured only if the timestamp has exactly six fraction
 * digits; anything else on stderr becomes plain debug text.
 */
export function formatLogLine(
  now: Date,
  level: LogLevel,
  module: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {}
): string {
  const timestamp = now.toISOString().replace('Z', '000Z');
  const head = { '@level': level, '@message': message, '@timestamp': timestamp, '@module': module };
  return JSON.stringify({ ...fields, ...head }, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value instanceof Error ? (value.stack ?? value.message) : value
  );
}

/** Logs to stderr, where the host reads. A host that is gone (EPIPE) must not stop the plugin from cleaning up. */
export function stderrLogger(module: string): Logger {
  return {
    log(level, message, fields) {
      try {
        writeSync(2, formatLogLine(new Date(), level, module, message, fields) + '\n');
      } catch {
        // Nobody is left to tell.
      }
    },
  };
}
