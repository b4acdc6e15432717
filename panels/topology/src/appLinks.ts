import { locationUtil, textUtil, type TimeRange } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { type MouseEvent } from 'react';

const APP = '/a/throughline-app';

/** Pages of the app, with the panel's time range. */
export interface AppLinks {
  service(service: string): string;
  edge(source: string, target: string): string;
  tracesOfService(service: string, onlyFailed: boolean): string;
  tracesOfEdge(source: string, target: string, onlyFailed: boolean): string;
}

export function appLinks({ raw }: TimeRange): AppLinks {
  const at = (value: TimeRange['raw']['from']): string => (typeof value === 'string' ? value : String(value.valueOf()));
  const page = (name: string, parameters: Readonly<Record<string, string | false>>): string => {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(parameters)) if (value !== false) search.set(key, value);
    search.set('from', at(raw.from));
    search.set('to', at(raw.to));
    return `${APP}/${name}?${search.toString()}`;
  };
  return {
    service: (service) => page('service', { service }),
    edge: (source, target) => page('edge', { source, target }),
    tracesOfService: (service, onlyFailed) =>
      page('traces', { of: 'requests', service, status: onlyFailed && 'Error' }),
    tracesOfEdge: (source, target, onlyFailed) =>
      page('traces', { of: 'calls', service: source, peer: target, status: onlyFailed && 'Error' }),
  };
}

/** For an ordinary link, which can be opened in a new tab and copied. */
export function hrefOf(url: string): string {
  return textUtil.sanitizeUrl(locationUtil.assureBaseUrl(url));
}

/** Follows a link of the app without loading the page again. */
export function followInApp(url: string, event?: MouseEvent): void {
  if (event && (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0)) return;
  event?.preventDefault();
  locationService.push(url);
}
