import { type DataSourceInstanceSettings, type ScopedVars, type TypedVariableModel } from '@grafana/data';
import { type BackendSrvRequest, setBackendSrv, type TemplateSrv } from '@grafana/runtime';
import { NEVER, of, throwError } from 'rxjs';
import { DataSource } from './DataSource.ts';
import { type ThroughlineOptions } from './types.ts';

/** The parts of a host that the data source asks, for tests. */

type Value = string | readonly string[];

export interface TestVariable {
  readonly value: Value;
  readonly multi?: boolean;
  /** Set to All: `value` is what that stands for. */
  readonly isAll?: boolean;
}

const REFERENCE = /\$(\w+)|\$\{(\w+)(?::\w+)?\}/g;
const regexEscaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** Replaces as Grafana does: `glob` unless a format is given. */
export function templates(variables: Readonly<Record<string, TestVariable>> = {}): TemplateSrv {
  const formatted = (value: Value, format: unknown, variable: unknown): string => {
    if (typeof format === 'function') return String(format(value, variable));
    if (typeof value === 'string') return format === 'regex' ? regexEscaped(value) : value;
    return format === 'regex' ? `(${value.map(regexEscaped).join('|')})` : `{${value.join(',')}}`;
  };
  return {
    getVariables: () =>
      Object.entries(variables).map(([name, { value, multi = false, isAll = false }]) => ({
        type: 'query',
        name,
        multi,
        includeAll: isAll,
        current: { value: isAll ? ['$__all'] : value },
      })) as unknown as TypedVariableModel[],
    replace: (target = '', scopedVars: ScopedVars = {}, format?: unknown) =>
      target.replaceAll(REFERENCE, (whole, plain?: string, braced?: string) => {
        const name = plain ?? braced ?? '';
        const scoped = scopedVars[name]?.value as Value | undefined;
        const variable = variables[name];
        const value = scoped ?? variable?.value;
        return value === undefined ? whole : formatted(value, format, { name, multi: variable?.multi ?? false });
      }),
    containsTemplate: (target = '') => target.search(REFERENCE) >= 0,
    updateTimeRange: () => {},
  };
}

export function dataSource(variables?: Readonly<Record<string, TestVariable>>): DataSource {
  const settings = {
    id: 1,
    uid: 'throughline',
    type: 'throughline-datasource',
    name: 'Throughline',
    access: 'proxy',
    readOnly: false,
    jsonData: {},
    meta: { id: 'throughline-datasource' },
  } as unknown as DataSourceInstanceSettings<ThroughlineOptions>;
  return new DataSource(settings, templates(variables));
}

export interface Answer {
  readonly data: unknown;
  readonly status?: number;
}

/** @param answer undefined leaves the request open @returns the requests, as they come */
export function serve(answer: (request: BackendSrvRequest) => Answer | undefined): BackendSrvRequest[] {
  const requests: BackendSrvRequest[] = [];
  const fetch = (request: BackendSrvRequest) => {
    requests.push(request);
    const given = answer(request);
    if (!given) return NEVER;
    const { data, status = 200 } = given;
    const response = { data, status, statusText: '', ok: status < 400, headers: new Headers(), config: request };
    return status < 400 ? of(response) : throwError(() => response);
  };
  setBackendSrv({ fetch } as unknown as Parameters<typeof setBackendSrv>[0]);
  return requests;
}
