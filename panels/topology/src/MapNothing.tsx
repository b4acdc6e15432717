import { type AbsoluteTimeRange, type TimeRange } from '@grafana/data';
import { Button, Icon } from '@grafana/ui';
import { type TopologyStyles } from './styles.ts';

interface MapNothingProps {
  readonly styles: TopologyStyles;
  readonly state: 'loading' | 'empty' | 'error';
  readonly isLoading: boolean;
  readonly problem: string | undefined;
  /** There were frames of a map, only without rows. */
  readonly hasFrames: boolean;
  readonly timeRange: TimeRange;
  readonly onChangeTimeRange: (range: AbsoluteTimeRange) => void;
}

const DAY_MS = 24 * 3_600_000;

/** Where there is no map: what was asked, why nothing came, what to do. */
export function MapNothing({
  styles,
  state,
  isLoading,
  problem,
  hasFrames,
  timeRange,
  onChangeTimeRange,
}: MapNothingProps) {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const range = `${timeRange.from.format('YYYY-MM-DD HH:mm:ss')} to ${timeRange.to.format('YYYY-MM-DD HH:mm:ss')}`;
  if (state === 'loading') {
    return (
      <div className={styles.centre} role="status">
        {isLoading && <p>Reading who called whom, {range} …</p>}
      </div>
    );
  }
  if (state === 'error') {
    return (
      <div className={styles.centre} role="alert">
        <Icon name="exclamation-circle" size="xl" />
        <h3>The service map could not be read</h3>
        <p>{problem}</p>
        <p>Refresh to ask again; the data source’s settings page tests its connection.</p>
      </div>
    );
  }
  return (
    <div className={styles.centre} role="status">
      <Icon name="sitemap" size="xl" />
      <h3>{hasFrames ? 'No calls in this time range' : 'Nothing to draw a map of'}</h3>
      {hasFrames ? (
        <p>
          Asked for all calls from {range}. Either no agent was running then, the query’s filters leave nothing, or the
          range lies before the first data.
        </p>
      ) : (
        <p>
          This panel draws frames of nodes and edges: choose the query type “Service map” of the Throughline data
          source.
        </p>
      )}
      {hasFrames && to - from < DAY_MS && (
        <Button size="sm" variant="secondary" onClick={() => onChangeTimeRange({ from: to - DAY_MS, to })}>
          Show the 24 hours before
        </Button>
      )}
    </div>
  );
}
