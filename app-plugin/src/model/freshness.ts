import { type DataFrame } from '@grafana/data';
import { freshnessFrame } from '@throughline/query';
import { type RowOf, rowsOf } from '@throughline/ui';
import { formatDurationShort, plural } from '@throughline/viz';
import { type Badge } from './badge.ts';

export type AgentRow = RowOf<typeof freshnessFrame>;

/** An agent that sent nothing for this long counts as silent. */
const SILENT_AFTER_NS = 30e9;

export interface Freshness {
  readonly agents: readonly AgentRow[];
  readonly silent: readonly AgentRow[];
  /** Nanoseconds; undefined where nothing ever came. */
  readonly behindNs: number | undefined;
  readonly rows: number;
  readonly dropped: number;
}

export function readFreshness(series: readonly DataFrame[]): Freshness {
  const all = rowsOf(series, freshnessFrame);
  const agents = all.filter(({ agent }) => agent !== '');
  return {
    agents,
    silent: agents.filter(({ behind }) => behind > SILENT_AFTER_NS),
    behindNs: all.length === 0 ? undefined : Math.max(0, Math.min(...all.map(({ behind }) => behind))),
    rows: all.reduce((sum, { rows }) => sum + rows, 0),
    dropped: all.reduce((sum, { dropped }) => sum + dropped, 0),
  };
}

export function freshnessBadges({ agents, silent, behindNs, dropped }: Freshness): Badge[] {
  const badges: Badge[] = [];
  if (behindNs !== undefined) {
    const isLate = behindNs > SILENT_AFTER_NS;
    badges.push({
      text: `${isLate ? 'Data' : 'Live,'} ${formatDurationShort(behindNs)} behind`,
      icon: isLate ? 'exclamation-triangle' : 'clock-nine',
      tone: isLate ? 'warning' : 'neutral',
      title: 'Age of the newest row in the store',
    });
  }
  if (agents.length === 0) {
    badges.push({ text: 'No agent reports', icon: 'exclamation-triangle', tone: 'warning' });
    return badges;
  }
  badges.push(
    silent.length > 0
      ? {
          text: `${agents.length - silent.length} of ${plural(agents.length, 'agent')} reporting`,
          icon: 'exclamation-triangle',
          tone: 'warning',
          title: `Silent: ${silent.map(({ host }) => host).join(', ')}`,
        }
      : {
          text: `${plural(agents.length, 'agent')} reporting`,
          icon: 'check',
          title: agents.map(({ host }) => host).join(', '),
        }
  );
  if (dropped > 0)
    badges.push({ text: `${plural(dropped, 'row')} dropped`, icon: 'exclamation-triangle', tone: 'warning' });
  return badges;
}
