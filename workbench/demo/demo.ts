// A running demo, as seen by the process that started it or by any later one that found its record.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command, serviceCounts, type ServiceCounts } from './control/client.ts';
import { DemoError } from './errors.ts';
import { setFault, type FaultName } from './faults.ts';
import { processNamed, writeRecord, type DemoProcess, type InstanceRecord } from './instance.ts';
import { removeInstance } from './leftovers.ts';
import { commandLine, launch, untilReady, type Launcher, type Program } from './launch.ts';
import { type LoadOptions, type LoadReport } from './load/report.ts';
import { hostNamespace, hostNamespaces, nodeNamespace } from './network.ts';
import { endProcesses, isRunning } from './processes.ts';
import { realmEntry, type Mode } from './realm.ts';
import { COUNTING_SERVICES, DOMAIN, HOST_NAMES, HTTP_PORT, type CountingService } from './topology.ts';

const GENERATOR = join(import.meta.dirname, 'load/generator.ts');
const LOAD_CONTROL = 'control/load.sock';
const LOAD_REPORT = 'control/load-report.json';
const LOAD_GRACE_MS = 16_000;

/** One simulated machine: what an agent "on" it may look at. */
export interface DemoHost {
  readonly name: string;
  readonly id: string;
  /** The network namespaces that belong to the machine, its own first. */
  readonly netns: readonly string[];
  /** Command prefix that runs a program in the machine's own network namespace. */
  readonly entry: readonly string[];
}

export class Demo {
  readonly directory: string;
  readonly launcher: Launcher;
  #record: InstanceRecord;

  constructor(directory: string, record: InstanceRecord, launcher: Launcher) {
    this.directory = directory;
    this.launcher = launcher;
    this.#record = record;
  }

  get prefix(): string {
    return this.#record.prefix;
  }

  get mode(): Mode {
    return this.#record.mode;
  }

  get gatewayUrl(): string | undefined {
    return this.#record.gatewayUrl;
  }

  get processes(): readonly DemoProcess[] {
    return this.#record.processes;
  }

  get pids(): number[] {
    const holder = this.#record.holder === undefined ? [] : [this.#record.holder.pid];
    return [...this.#record.processes.map((process) => process.pid), ...holder];
  }

  get hosts(): DemoHost[] {
    return HOST_NAMES.map((name) => ({
      name: `shop-${name}`,
      id: `${this.prefix}-host-${name}`,
      netns: hostNamespaces(this.prefix, name),
      entry: realmEntry(this.launcher.realm, hostNamespace(this.prefix, name)),
    }));
  }

  /**
   * Command prefix that brings a single agent to where it sees the shop: nothing for root, whose namespaces are the
   * machine's; host a's for an ordinary user. An agent for each host takes the host's own `entry`.
   */
  get netnsEntry(): readonly string[] {
    return this.mode === 'root' ? [] : realmEntry(this.launcher.realm, hostNamespace(this.prefix, 'a'));
  }

  /** What each service itself received and called. */
  async counts(): Promise<Record<CountingService, ServiceCounts>> {
    const entries = await Promise.all(
      COUNTING_SERVICES.map(
        async (name) => [name, await serviceCounts(name, processNamed(this.#record, name).pid)] as const
      )
    );
    return Object.fromEntries(entries) as Record<CountingService, ServiceCounts>;
  }

  fault(name: FaultName, on: boolean): Promise<void> {
    return setFault({ directory: this.directory, record: this.#record, realm: this.launcher.realm }, name, on);
  }

  /** Sends exactly `requests` requests and returns when all are over. */
  async runLoad(options: LoadOptions & { readonly requests: number }): Promise<LoadReport> {
    const [file, ...rest] = commandLine(this.launcher, this.#generator(options));
    if (file === undefined) throw new Error('empty command');
    const child = spawn(file, rest, {
      cwd: this.directory,
      env: { ...this.launcher.environment },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new DemoError('COMMAND_FAILED', `the load generator ended with ${code}: ${errors.trim()}`);
    return JSON.parse(output) as LoadReport;
  }

  /** Starts load that goes on until it is stopped; replaces load that is running. */
  async startLoad(options: Omit<LoadOptions, 'requests'> = {}): Promise<void> {
    await this.stopLoad();
    for (const path of [LOAD_CONTROL, LOAD_REPORT]) rmSync(join(this.directory, path), { force: true });
    const generator = this.#generator({ ...options, controlPath: LOAD_CONTROL, reportPath: LOAD_REPORT });
    const running = launch(this.launcher, generator);
    await untilReady(this.launcher, running, { file: LOAD_CONTROL });
    const { name, pid, startTicks } = running;
    this.#update([...this.#record.processes, { name, pid, startTicks }]);
  }

  /** Returns the last report, or undefined if no load ran. */
  async stopLoad(): Promise<LoadReport | undefined> {
    const load = this.#load();
    if (load === undefined) return undefined;
    // It sends no more, waits for what is under way and leaves its report.
    this.launcher.ending.add(load.pid);
    await endProcesses([load], LOAD_GRACE_MS);
    const report = JSON.parse(readFileSync(join(this.directory, LOAD_REPORT), 'utf8')) as LoadReport;
    this.#update(this.#record.processes.filter((process) => process.pid !== load.pid));
    return report;
  }

  async loadReport(): Promise<LoadReport | undefined> {
    const load = this.#load();
    return load && (JSON.parse(await command('load', load.pid, 'stats')) as LoadReport);
  }

  /** Ends every process and removes every namespace of this instance. */
  async stop(): Promise<void> {
    for (const pid of this.pids) this.launcher.ending.add(pid);
    await removeInstance(this.directory, this.prefix);
  }

  #load(): DemoProcess | undefined {
    return this.#record.processes.find((process) => process.name === 'load' && isRunning(process));
  }

  #update(processes: readonly DemoProcess[]): void {
    this.#record = { ...this.#record, processes };
    writeRecord(this.directory, this.#record);
  }

  #generator(options: LoadOptions & { readonly controlPath?: string; readonly reportPath?: string }): Program {
    const gateway = `http://gateway.${DOMAIN}:${HTTP_PORT}`;
    return {
      name: 'load',
      namespace: nodeNamespace(this.prefix, 'load'),
      argv: [process.execPath, GENERATOR, JSON.stringify({ gateway, ...options })],
    };
  }
}
