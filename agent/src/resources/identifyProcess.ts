import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { entityId } from '@throughline/core';
import { type Procfs } from './procfs.ts';
import { redactArguments } from './redactArguments.ts';
import { type NameSource, resourceAttribute, serviceName } from './serviceName.ts';

export interface HostIdentity {
  readonly hostId: string;
  readonly hostName: string;
  readonly bootId: string;
}

export interface ProcessIdentity {
  readonly id: bigint;
  readonly pid: number;
  readonly startTicks: number;
  /** Changes with its program, as when a shell becomes what it was to start. */
  name: string;
  nameSource: NameSource;
  readonly netns: number;
  readonly validFromNs: bigint;
  /** Wall clock, ns; 0 while it runs. */
  validToNs: bigint;
  /** By OpenTelemetry's names; arguments that look like secrets are redacted. */
  attributes: ReadonlyMap<string, string>;
}

/** USER_HZ: what /proc counts in, on every architecture that Linux is built for today. */
const TICKS_PER_SECOND = 100;
const MAX_COMMAND_LINE = 1024;
const MAX_ATTRIBUTE = 256;

/** What of OTEL_RESOURCE_ATTRIBUTES is reported; anything else in there may be a secret. */
const REPORTED_ATTRIBUTES = [
  'service.namespace',
  'service.version',
  'k8s.cluster.name',
  'k8s.node.name',
  'k8s.namespace.name',
  'k8s.pod.name',
  'k8s.pod.uid',
  'k8s.container.name',
  'k8s.deployment.name',
  'k8s.statefulset.name',
  'k8s.daemonset.name',
  'k8s.job.name',
  'k8s.cronjob.name',
] as const;

/** @param startTicks of the process that `pid` was seen to be @param bootWallNs when the host booted */
export function identifyProcess(
  procfs: Procfs,
  host: HostIdentity,
  pid: number,
  startTicks: number,
  bootWallNs: bigint
): ProcessIdentity {
  // A title that is shorter than the arguments it overwrote leaves empty ones behind.
  const commandLine = (procfs.text(`${pid}/cmdline`) ?? '').replace(/\0+$/, '').split('\0');
  const executable = procfs.link(`${pid}/exe`) ?? commandLine[0] ?? '';
  const cgroup = procfs.text(`${pid}/cgroup`) ?? '';
  const environment = otelEnvironment(procfs.text(`${pid}/environ`) ?? '');
  const container = containerId(cgroup);
  const unit = container === undefined ? systemdUnit(cgroup) : undefined;
  const { name, source } = serviceName({
    executable,
    commandLine: titleAware(commandLine),
    environment,
    systemdUnit: unit,
    packageName: (script) =>
      packageName(join(procfs.root, String(pid), 'root'), procfs.link(`${pid}/cwd`) ?? '/', script),
  });
  const attributes = new Map<string, string>([
    ['process.pid', String(pid)],
    ['process.executable.path', executable],
    ['process.command_line', redactArguments(commandLine).join(' ').slice(0, MAX_COMMAND_LINE)],
  ]);
  if (container !== undefined) attributes.set('container.id', container);
  if (unit !== undefined) attributes.set('systemd.unit', `${unit}.service`);
  for (const key of REPORTED_ATTRIBUTES) {
    const value = resourceAttribute(environment, key);
    if (value) attributes.set(key, value.slice(0, MAX_ATTRIBUTE));
  }
  return {
    id: entityId('process', host.hostId, host.bootId, pid, startTicks),
    pid,
    startTicks,
    name,
    nameSource: source,
    netns: procfs.netns(pid) ?? 0,
    validFromNs: bootWallNs + (BigInt(startTicks) * 1_000_000_000n) / BigInt(TICKS_PER_SECOND),
    validToNs: 0n,
    attributes,
  };
}

/** Only names that OpenTelemetry defines are kept of the environment; everything else may be a secret. */
function otelEnvironment(environ: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of environ.split('\0')) {
    const at = entry.indexOf('=');
    const key = entry.slice(0, at);
    if (key === 'OTEL_SERVICE_NAME' || key === 'OTEL_RESOURCE_ATTRIBUTES') found.set(key, entry.slice(at + 1));
  }
  return found;
}

/** Programs that set their title write one string, such as "nginx: worker process". */
function titleAware(commandLine: readonly string[]): readonly string[] {
  const first = commandLine[0] ?? '';
  return commandLine.length === 1 && first.includes(' ') ? first.split(' ') : commandLine;
}

function containerId(cgroup: string): string | undefined {
  return /\b([0-9a-f]{64})\b/.exec(cgroup)?.[1];
}

/** The innermost unit that is a service; sessions, slices and the manager of a user's units are none. */
function systemdUnit(cgroup: string): string | undefined {
  const unit = [...cgroup.matchAll(/\/([^/\n]+)\.service(?=\/|$)/gm)].at(-1)?.[1];
  return unit === undefined || unit.startsWith('user@') ? undefined : unit;
}

/** Of the package.json beside a script or up to three folders above it. @param root as the process sees `/` */
function packageName(root: string, working: string, script: string): string | undefined {
  let folder = dirname(script.startsWith('/') ? script : join(working, script));
  for (let depth = 0; depth < 4; depth++) {
    try {
      const { name } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { name?: unknown };
      return typeof name === 'string' ? name : undefined;
    } catch {
      folder = dirname(folder);
    }
  }
  return undefined;
}
