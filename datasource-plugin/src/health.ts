import { type TestDataSourceResponse } from '@grafana/data';

/** The backend's steps of a check, in their order, as a user would name them. */
const STEPS = [
  ['settings', 'Settings are complete'],
  ['dns', 'The host name is known'],
  ['connect', 'The store answers'],
  ['tls', 'Its certificate is trusted'],
  ['auth', 'User and token are accepted'],
  ['version', 'Its version is new enough'],
  ['schema', 'The tables are there'],
  ['query', 'A query is answered'],
] as const;

/** What a failed check is thrown as: Grafana shows the message and below it, on demand, the details. */
export class HealthError extends Error {
  readonly status = 'error';
  readonly details: NonNullable<TestDataSourceResponse['details']>;

  constructor(message: string, verboseMessage: string) {
    super(message);
    this.name = 'HealthError';
    this.details = { verboseMessage };
  }
}

export interface HealthResult {
  readonly status?: string;
  readonly message?: string;
  readonly details?: unknown;
}

/** @throws HealthError that lists which steps passed and which one did not */
export function readHealth(result: HealthResult | undefined): TestDataSourceResponse {
  if (result?.status === 'OK') return { status: 'success', message: result.message ?? 'Connected' };
  const { step, verboseMessage } = (result?.details ?? {}) as { step?: string; verboseMessage?: string };
  const message = result?.message || NO_BACKEND;
  const failedAt = STEPS.findIndex(([name]) => name === step);
  if (failedAt === -1) throw new HealthError(message, verboseMessage ?? message);
  const lines = STEPS.slice(0, failedAt + 1).map(([, what], index) => `${index < failedAt ? '✓' : '✗'} ${what}`);
  throw new HealthError(message, [...lines, '', verboseMessage ?? message].join('\n'));
}

const NO_BACKEND =
  "The plugin's backend gave no answer; look for gpx_throughline in Grafana's log, and check that the plugin may run unsigned or is signed";
