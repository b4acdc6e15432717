import { type IconName } from '@grafana/data';

/** What limits trust in a page, in a few words below its first line. */
export interface Badge {
  readonly text: string;
  readonly icon?: IconName;
  readonly tone?: 'neutral' | 'warning' | 'error';
  readonly title?: string;
}
