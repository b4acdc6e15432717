import { locationUtil } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { type CSSProperties, type MouseEvent, type ReactNode } from 'react';

/** Parameters that go along wherever a link leads: the time range, the time zone and the data source. */
const CONTEXT_KEYS = ['from', 'to', 'timezone', 'var-ds'] as const;

/** @param url one of routes.ts @param range another time range than the page's, epoch ms */
export function withContext(url: string, range?: { readonly fromMs: number; readonly toMs: number }): string {
  const [path = '', search = ''] = url.split('?');
  const parameters = new URLSearchParams(search);
  const here = new URLSearchParams(locationService.getLocation().search);
  for (const key of CONTEXT_KEYS) {
    const value = here.get(key);
    if (value !== null && !parameters.has(key)) parameters.set(key, value);
  }
  if (range) {
    parameters.set('from', String(Math.floor(range.fromMs)));
    parameters.set('to', String(Math.ceil(range.toMs)));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

export function navigate(url: string, range?: { readonly fromMs: number; readonly toMs: number }): void {
  locationService.push(withContext(url, range));
}

interface AppLinkProps {
  readonly to: string;
  readonly range?: { readonly fromMs: number; readonly toMs: number };
  readonly className?: string;
  readonly style?: CSSProperties;
  readonly title?: string;
  readonly 'data-testid'?: string;
  readonly children: ReactNode;
}

/** A link inside the app: an ordinary one, so that it can be opened in a new tab and copied. */
export function AppLink({ to, range, children, ...rest }: AppLinkProps) {
  const url = withContext(to, range);
  const follow = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    locationService.push(withContext(to, range));
  };
  return (
    <a {...rest} href={locationUtil.assureBaseUrl(url)} onClick={follow}>
      {children}
    </a>
  );
}
