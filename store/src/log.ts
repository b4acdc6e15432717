type Fields = Readonly<Record<string, string | number | undefined>>;

/** JSON lines on stderr, in pino's form. Never statements, values or tokens. */
function write(level: number, message: string, fields: Fields): void {
  const line = { level, time: Date.now(), pid: process.pid, name: 'store', msg: message, ...fields };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

export const log = {
  info: (message: string, fields: Fields = {}) => write(30, message, fields),
  warn: (message: string, fields: Fields = {}) => write(40, message, fields),
  error: (message: string, fields: Fields = {}) => write(50, message, fields),
};
