// The Node twin of services/shoplib/control.py: counts and faults over a unix socket, never among the requests.
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

type Counts = Record<string, Record<string, number>>;

export class Control {
  readonly #received: Counts = {};
  readonly #called: Counts = {};
  readonly #faults: Map<string, boolean>;

  constructor(faults: readonly string[]) {
    this.#faults = new Map(faults.map((name) => [name, false]));
  }

  received(route: string, status: number): void {
    count(this.#received, route, String(status));
  }

  called(call: string, outcome: string): void {
    count(this.#called, call, outcome);
  }

  isOn(fault: string): boolean {
    return this.#faults.get(fault) ?? false;
  }

  listen(path: string): void {
    rmSync(path, { force: true });
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      createInterface(socket).on('line', (line) => socket.write(this.#answer(line) + '\n'));
    });
    server.listen(path);
    server.unref();
  }

  #answer(line: string): string {
    if (line === 'stats') return JSON.stringify({ received: this.#received, called: this.#called });
    const [, name, state] = /^fault (\S+) (on|off)$/.exec(line) ?? [];
    if (name === undefined || !this.#faults.has(name)) return `error unknown command ${JSON.stringify(line)}`;
    this.#faults.set(name, state === 'on');
    return 'ok';
  }
}

function count(counts: Counts, key: string, outcome: string): void {
  const outcomes = (counts[key] ??= {});
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
