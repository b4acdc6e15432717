import { type EdgeMetric } from '@throughline/viz';

export interface TopologyOptions {
  /** What is written on edges. */
  readonly edgeLabel: EdgeMetric;
  /** Most nodes drawn: above, groups start closed or the busiest stay. */
  readonly maxNodes: number;
  /** Field of the nodes that names their island; empty for the first that is there, "none" for no islands. */
  readonly groupBy: string;
  readonly showLegend: boolean;
  /** What is in focus at first: a node's id, or an edge as "source → target". */
  readonly focus: string;
  /** Where a selected node or edge is described: beside the map, or not at all. */
  readonly linkMode: 'panel' | 'none';
}

export const DEFAULT_OPTIONS: TopologyOptions = {
  edgeLabel: 'all',
  maxNodes: 150,
  groupBy: '',
  showLegend: true,
  focus: '',
  linkMode: 'panel',
};

/** What is saved may be older, or written by hand. */
export function readOptions(saved: Partial<TopologyOptions> | undefined): TopologyOptions {
  return { ...DEFAULT_OPTIONS, ...saved };
}
