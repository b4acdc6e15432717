import { PanelPlugin, VisualizationSuggestionScore, type VisualizationSuggestionsSupplier } from '@grafana/data';
import { EDGE_METRICS } from '@throughline/viz';
import { DEFAULT_OPTIONS, type TopologyOptions } from './options.ts';
import { TopologyPanel } from './TopologyPanel.tsx';

const METRIC_NAMES = { rate: 'Rate', errors: 'Errors', p95: 'p95', all: 'All' } as const;

export const plugin = new PanelPlugin<TopologyOptions>(TopologyPanel).setNoPadding().setPanelOptions((builder) =>
  builder
    .addRadio({
      path: 'edgeLabel',
      name: 'On edges',
      description: 'What is written on edges.',
      defaultValue: DEFAULT_OPTIONS.edgeLabel,
      settings: { options: EDGE_METRICS.map((value) => ({ value, label: METRIC_NAMES[value] })) },
    })
    .addSelect({
      path: 'groupBy',
      name: 'Group by',
      description: 'Field of the nodes that names their island.',
      defaultValue: DEFAULT_OPTIONS.groupBy,
      settings: {
        allowCustomValue: true,
        options: [
          { value: '', label: 'Automatic', description: 'Namespace, node or zone, the first that the answer has' },
          { value: 'none', label: 'None' },
          { value: 'detail__kind', label: 'Kind' },
          { value: 'detail__namespace', label: 'Namespace' },
          { value: 'detail__node', label: 'Node' },
          { value: 'detail__zone', label: 'Zone' },
        ],
      },
    })
    .addNumberInput({
      path: 'maxNodes',
      name: 'Most nodes',
      description: 'Above this, groups start closed; without groups the failing and the busiest services stay.',
      defaultValue: DEFAULT_OPTIONS.maxNodes,
      settings: { min: 10, max: 5_000, integer: true },
    })
    .addBooleanSwitch({ path: 'showLegend', name: 'Legend', defaultValue: DEFAULT_OPTIONS.showLegend })
    .addTextInput({
      path: 'focus',
      name: 'Focus',
      description: 'The path in focus at first: a service, or an edge as "source → target".',
      defaultValue: DEFAULT_OPTIONS.focus,
    })
);

const suggest: VisualizationSuggestionsSupplier<TopologyOptions> = (summary) => {
  const isMap = summary.rawFrames?.some(({ meta }) => meta?.preferredVisualisationType === 'nodeGraph');
  return isMap ? [{ name: 'Topology', score: VisualizationSuggestionScore.Best }] : [];
};

// Grafana 12.3 takes an object with this method, later ones a function: this is both, and suggests nothing in 12.3.
plugin.setSuggestionsSupplier(Object.assign(suggest, { getSuggestionsForData: () => {} }));
