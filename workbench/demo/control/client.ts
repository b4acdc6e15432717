// Asks a running service for its counts, or switches one of its faults.
import { connect } from 'node:net';
import { once } from 'node:events';
import { DemoError } from '../errors.ts';

/** What one service counted: by route or call, by outcome (a status, "ok", or the name of an error). */
export interface ServiceCounts {
  readonly received: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly called: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/**
 * The socket lies in the service's working directory. It is reached through /proc because a unix socket's path is
 * limited to 107 bytes, which the project's own path may exceed.
 */
function socketPath(name: string, pid: number): string {
  return `/proc/${pid}/cwd/control/${name}.sock`;
}

export async function command(name: string, pid: number, line: string): Promise<string> {
  const socket = connect(socketPath(name, pid));
  socket.setTimeout(5000, () => socket.destroy(new Error('no answer within 5 s')));
  try {
    socket.setEncoding('utf8');
    await once(socket, 'connect');
    socket.write(line + '\n');
    let answer = '';
    for await (const chunk of socket) {
      answer += chunk as string;
      if (answer.endsWith('\n')) break;
    }
    if (answer === '' || answer.startsWith('error')) throw new Error(answer.trim() || 'the connection was closed');
    return answer.trim();
  } catch (error) {
    throw new DemoError('CONTROL_FAILED', `${name} (pid ${pid}) did not do "${line}"; see its log`, error);
  } finally {
    socket.destroy();
  }
}

export async function serviceCounts(name: string, pid: number): Promise<ServiceCounts> {
  return JSON.parse(await command(name, pid, 'stats')) as ServiceCounts;
}
