import {
  closeGroups,
  focusPath,
  type FocusTarget,
  limitGraph,
  type Lit,
  subgraph,
  talkToEveryone,
  type TopologyGraph,
  withoutNodes,
} from '@throughline/viz';
import { useMemo } from 'react';

/** Up to here nobody is lost in the map: nothing folds. */
const FOLD_FROM_NODES = 20;
const MOST_EDGES = 400;

export interface MapChoices {
  readonly maxNodes: number;
  readonly showAll: boolean;
  readonly showFolded: boolean;
  /** Groups that the user opened or closed against what is the rule. */
  readonly toggledGroups: ReadonlySet<string>;
  readonly focus: FocusTarget | undefined;
  readonly depth: number;
  readonly search: string;
  /** A narrow screen has room for the path in focus only. */
  readonly onlyFocus: boolean;
}

export interface MapModel {
  /** What is drawn. */
  readonly graph: TopologyGraph;
  /** What is in focus or found; all where undefined. */
  readonly lit: Lit | undefined;
  readonly matches: readonly string[];
  readonly closedGroups: readonly string[];
  readonly hiddenServices: number;
  readonly folded: readonly string[];
  readonly foldedEdges: number;
  readonly nodesCut: number;
  readonly edgesCut: number;
  readonly notOnPath: number;
}

/** From all that was answered to what is drawn: fold, close, cut, focus. Each step says what it left out. */
export function useMapModel(graph: TopologyGraph, choices: MapChoices): MapModel {
  const { maxNodes, showAll, showFolded, toggledGroups, focus, depth, search, onlyFocus } = choices;
  const drawn = useMemo(() => {
    const folded = showFolded || graph.nodes.length < FOLD_FROM_NODES ? new Set<string>() : foldable(graph);
    const unfolded = withoutNodes(graph, folded);
    const groups = [...new Set(unfolded.nodes.map(({ group }) => group))].filter((group) => group !== '');
    const startClosed = groups.length > 1 && unfolded.nodes.length > maxNodes && !showAll;
    const closed = new Set(groups.filter((group) => toggledGroups.has(group) !== startClosed));
    const grouped = closeGroups(unfolded, closed);
    const limited = showAll
      ? { graph: grouped, nodesCut: 0, edgesCut: 0 }
      : limitGraph(grouped, maxNodes, Math.max(MOST_EDGES, maxNodes * 3));
    return {
      ...limited,
      folded: [...folded].sort(),
      foldedEdges: graph.edges.length - unfolded.edges.length,
      closedGroups: [...closed].sort(),
      hiddenServices: unfolded.nodes.filter(({ group }) => closed.has(group)).length,
    };
  }, [graph, maxNodes, showAll, showFolded, toggledGroups]);

  return useMemo(() => {
    const wanted = search.trim().toLowerCase();
    const matches =
      wanted === ''
        ? []
        : drawn.graph.nodes.filter(({ name }) => name.toLowerCase().includes(wanted)).map(({ id }) => id);
    const path = focus && isOnMap(drawn.graph, focus) ? focusPath(drawn.graph, focus, depth) : undefined;
    const shown = onlyFocus && path ? subgraph(drawn.graph, path) : drawn.graph;
    const found = wanted === '' ? undefined : { nodes: new Set(matches), edges: new Set<string>() };
    return {
      ...drawn,
      graph: shown,
      matches,
      lit: found ?? (onlyFocus ? undefined : path),
      notOnPath: drawn.graph.nodes.length - shown.nodes.length,
    };
  }, [drawn, focus, depth, search, onlyFocus]);
}

/** What fails is never folded away. */
function foldable(graph: TopologyGraph): ReadonlySet<string> {
  const bad = new Set(graph.edges.filter(({ bad }) => bad !== 'ok').map(({ target }) => target));
  return new Set([...talkToEveryone(graph)].filter((id) => !bad.has(id)));
}

export function isOnMap(graph: TopologyGraph, target: FocusTarget): boolean {
  const ids = target.kind === 'node' ? [target.id] : [target.source, target.target];
  return ids.every((id) => graph.nodes.some((node) => node.id === id));
}
