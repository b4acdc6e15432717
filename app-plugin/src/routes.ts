import { BASE_URL } from './constants.ts';

/**
 * Every page's address. What a page shows is in its parameters, so that a link says all of it; time range and data source
 * are added by `withContext` (links.ts). The backend's data links lead to the same addresses.
 */
export interface TracesTarget {
  readonly service?: string;
  readonly endpoint?: string;
  readonly peer?: string;
  readonly of?: 'roots' | 'requests' | 'calls';
  readonly status?: 'Error';
  readonly minMs?: number;
  /** Start of the bucket that was clicked, epoch ms, and its width. */
  readonly at?: number;
  readonly step?: number;
}

export const routes = {
  home: () => `${BASE_URL}/home`,
  services: () => `${BASE_URL}/services`,
  service: (service: string) => address('service', { service }),
  topology: (focus?: string) => address('topology', { focus }),
  edge: (source: string, target: string) => address('edge', { source, target }),
  traces: (target: TracesTarget = {}) => address('traces', { ...target }),
  trace: (id: string, spanId?: string) => address('trace', { id, spanId }),
};

function address(page: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  const search = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${encodeURIComponent(value!)}`)
    .join('&');
  return search === '' ? `${BASE_URL}/${page}` : `${BASE_URL}/${page}?${search}`;
}
