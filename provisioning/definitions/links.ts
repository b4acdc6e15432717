import { type DataLink } from '../panels.ts';

export const UIDS = {
  services: 'throughline-services',
  network: 'throughline-network',
  requests: 'throughline-requests',
  topology: 'throughline-topology',
  traces: 'throughline-traces',
  pipeline: 'throughline-pipeline',
  databases: 'throughline-databases',
} as const;

/** Range and data source go along; the rest of the URL is said per link. */
function to(uid: string, title: string, variables: string): DataLink {
  return { title, url: `/d/${uid}?\${__url_time_range}&\${ds:queryparam}&${variables}` };
}

/** @param value expression of the trace's or span's id in a data link */
export function traceLink(value = '${__value.raw:percentencode}'): DataLink {
  return to(UIDS.traces, 'Open the trace', `var-traceId=${value}`);
}

export function serviceLink(value: string): DataLink {
  return to(UIDS.services, 'Open the service', `var-service=${value}`);
}

export function tracesLink(service: string): DataLink {
  return to(UIDS.traces, 'Find traces', `var-service=${service}`);
}

export function edgeLink(source: string, target: string): DataLink {
  return to(UIDS.network, 'Open the edge', `var-source=${source}&var-target=${target}`);
}

const link = ({ title, url }: DataLink) => ({ title, url, targetBlank: false });
/** As the value of an override. */
export const asOverride = (...links: readonly DataLink[]) => ({ links: links.map(link) });
