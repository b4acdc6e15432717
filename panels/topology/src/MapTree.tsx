import { edgeSentence, nodeSentence, nodeStates, type TopologyGraph } from '@throughline/viz';
import { memo, useMemo } from 'react';

/** So many nodes are read out; more would only slow the page down, and a search finds the others. */
const MOST_NODES = 300;

interface MapTreeProps {
  readonly className: string;
  readonly graph: TopologyGraph;
  readonly selected: string | undefined;
  readonly idPrefix: string;
}

export function treeItemId(idPrefix: string, id: string): string {
  return `${idPrefix}-${encodeURIComponent(id)}`;
}

/** The map for who cannot see it: islands, nodes, and the calls of each, with the sentences of the hovers. */
export const MapTree = memo(function MapTree({ className, graph, selected, idPrefix }: MapTreeProps) {
  const groups = useMemo(() => {
    const states = nodeStates(graph);
    const names = new Map(graph.nodes.map(({ id, name }) => [id, name]));
    const outgoing = new Map<string, { id: string; text: string }[]>();
    for (const edge of graph.edges) {
      const list = outgoing.get(edge.source) ?? [];
      list.push({ id: edge.id, text: edgeSentence(edge, (id) => names.get(id) ?? id) });
      outgoing.set(edge.source, list);
    }
    const byGroup = new Map<string, { id: string; text: string; calls: { id: string; text: string }[] }[]>();
    for (const node of graph.nodes.slice(0, MOST_NODES)) {
      const list = byGroup.get(node.group) ?? [];
      const text = nodeSentence(node, states.get(node.id) ?? 'ok');
      list.push({ id: node.id, text, calls: outgoing.get(node.id) ?? [] });
      byGroup.set(node.group, list);
    }
    return [...byGroup];
  }, [graph]);
  const item = (id: string) => ({ id: treeItemId(idPrefix, id), role: 'treeitem', 'aria-selected': id === selected });
  return (
    <div className={className}>
      <ul role="tree" aria-label="Services and their calls">
        {groups.map(([group, nodes]) => (
          <li key={group} role="treeitem" aria-selected={false} aria-expanded aria-label={group || 'Without a group'}>
            <ul role="group">
              {nodes.map((node) => (
                <li key={node.id} {...item(node.id)}>
                  {node.text}
                  {node.calls.length > 0 && (
                    <ul role="group">
                      {node.calls.map((call) => (
                        <li key={call.id} {...item(call.id)}>
                          {call.text}
                        </li>
                      ))}
                    </ul>
                  )}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {graph.nodes.length > MOST_NODES && <p>{graph.nodes.length - MOST_NODES} more services: search by name.</p>}
    </div>
  );
});
