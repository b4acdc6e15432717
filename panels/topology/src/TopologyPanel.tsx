import { LoadingState, type PanelProps } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { useMemo, useRef } from 'react';
import { MapNothing } from './MapNothing.tsx';
import { readServiceMap, type ServiceMapData } from './mapFrames.ts';
import { readOptions, type TopologyOptions } from './options.ts';
import { ServiceMap } from './ServiceMap.tsx';
import { getStyles } from './styles.ts';
import { useDelayed } from './useDelayed.ts';

/** Short waits show nothing: a spinner that flashes says less than old figures. */
const SHOW_LOADING_AFTER_MS = 300;

export function TopologyPanel(props: PanelProps<TopologyOptions>) {
  const { data, width, height, timeRange, id } = props;
  const options = readOptions(props.options);
  const styles = useStyles2(getStyles);
  const lastGood = useRef<ServiceMapData>(undefined);
  const isLoading = useDelayed(data.state === LoadingState.Loading, SHOW_LOADING_AFTER_MS);
  const problem = data.errors?.[0]?.message ?? (data.state === LoadingState.Error ? 'The query failed.' : undefined);
  const read = useMemo(() => readServiceMap(data.series, options.groupBy), [data.series, options.groupBy]);
  if (read.graph.nodes.length > 0) lastGood.current = read;
  // While it loads or after a failure, the last good answer stays.
  const isOld = read.graph.nodes.length === 0 && (data.state === LoadingState.Loading || problem !== undefined);
  const map = isOld ? (lastGood.current ?? read) : read;
  if (map.graph.nodes.length === 0) {
    return (
      <div className={styles.root} style={{ width, height }}>
        <MapNothing
          styles={styles}
          state={problem !== undefined ? 'error' : data.state === LoadingState.Loading ? 'loading' : 'empty'}
          isLoading={isLoading}
          problem={problem}
          hasFrames={read.hasFrames}
          timeRange={timeRange}
          onChangeTimeRange={props.onChangeTimeRange}
        />
      </div>
    );
  }
  return (
    <ServiceMap
      map={map}
      options={options}
      styles={styles}
      width={width}
      height={height}
      timeRange={timeRange}
      panelId={id}
      isStale={isLoading || (isOld && problem !== undefined)}
      problem={problem}
    />
  );
}
