import { type TimeRange } from '@grafana/data';
import { Button, Icon, useTheme2 } from '@grafana/ui';
import {
  byHarm,
  EDGE_METRICS,
  type EdgeMetric,
  edgeSentence,
  type FocusTarget,
  formatCount,
  type MapHit,
  type MapPoint,
  type MapSize,
  nextEdge,
  nextNode,
  nodeSentence,
  nodeStates,
  plural,
  type TopologyGraph,
} from '@throughline/viz';
import { type KeyboardEvent, useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { appLinks, followInApp } from './appLinks.ts';
import { KeyHelp } from './KeyHelp.tsx';
import { Legend } from './Legend.tsx';
import { MapController } from './MapController.ts';
import { type ServiceMapData } from './mapFrames.ts';
import { mapStyle } from './mapStyle.ts';
import { MapToolbar } from './MapToolbar.tsx';
import { MapTooltip } from './MapTooltip.tsx';
import { MapTree, treeItemId } from './MapTree.tsx';
import { type TopologyOptions } from './options.ts';
import { loadPins, NO_PINS, type Pins, pinsKey, savePins } from './pins.ts';
import { EdgePanel, NodePanel } from './SidePanel.tsx';
import { StateMark } from './StateMark.tsx';
import { type TopologyStyles } from './styles.ts';
import { useLayout } from './useLayout.ts';
import { isOnMap, useMapModel } from './useMapModel.ts';

interface ServiceMapProps {
  readonly map: ServiceMapData;
  readonly options: TopologyOptions;
  readonly styles: TopologyStyles;
  readonly width: number;
  readonly height: number;
  readonly timeRange: TimeRange;
  readonly panelId: number;
  readonly isStale: boolean;
  readonly problem: string | undefined;
}

/** Narrower than this the map runs from top to bottom and shows the path in focus only. */
const NARROW_PX = 640;
/** From this width on the description stands beside the map, below it under the map. */
const BESIDE_PX = 900;
/** In a small panel the map is all there is room for. */
const TOOLS_FROM_PX = 280;

interface Hovered {
  readonly hit: MapHit;
  readonly at: MapPoint;
}

export function ServiceMap(props: ServiceMapProps) {
  const { map, options, styles, width, height, timeRange, panelId, isStale, problem } = props;
  const theme = useTheme2();
  const idPrefix = useId();
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const searchBox = useRef<HTMLInputElement>(null);
  const controller = useRef<MapController>(undefined);

  const [metric, setMetric] = useState<EdgeMetric>(options.edgeLabel);
  const [selected, setSelected] = useState<string>();
  const [focus, setFocus] = useState<FocusTarget>();
  const [depth, setDepth] = useState(Infinity);
  const [search, setSearch] = useState('');
  const [hovered, setHovered] = useState<Hovered>();
  const [toggledGroups, setToggledGroups] = useState<ReadonlySet<string>>(new Set());
  const [showAll, setShowAll] = useState(false);
  const [showFolded, setShowFolded] = useState(false);
  const [wholeMap, setWholeMap] = useState(false);
  const [hasFocus, setHasFocus] = useState(false);
  const [helps, setHelps] = useState(false);
  const storageKey = pinsKey(panelId);
  const [pins, setPins] = useState<Pins>(() => loadPins(storageKey));

  useEffect(() => setMetric(options.edgeLabel), [options.edgeLabel]);
  useEffect(() => {
    setFocus(parseFocus(options.focus));
    setSelected(options.focus === '' ? undefined : options.focus);
  }, [options.focus]);

  const isNarrow = width < NARROW_PX;
  const hasTools = height >= TOOLS_FROM_PX && width >= 300;
  const onlyFocus = isNarrow && !wholeMap;
  // A narrow screen needs a path: the worst one, where nobody chose.
  const target = useMemo(
    () => (focus && isOnMap(map.graph, focus) ? focus : onlyFocus ? worstOf(map.graph) : undefined),
    [focus, map.graph, onlyFocus]
  );
  const model = useMapModel(map.graph, {
    maxNodes: options.maxNodes,
    showAll,
    showFolded,
    toggledGroups,
    focus: target,
    depth,
    search,
    onlyFocus,
  });
  const { graph, lit, matches } = model;
  const states = useMemo(() => nodeStates(graph), [graph]);
  const nodes = useMemo(() => new Map(graph.nodes.map((node) => [node.id, node])), [graph]);
  const edges = useMemo(() => new Map(graph.edges.map((edge) => [edge.id, edge])), [graph]);
  const nameOf = useCallback((id: string) => nodes.get(id)?.name ?? id, [nodes]);
  const links = useMemo(() => appLinks(timeRange), [timeRange]);
  const selectedNode = selected === undefined ? undefined : nodes.get(selected);
  const selectedEdge = selected === undefined ? undefined : edges.get(selected);
  const hasSide =
    options.linkMode === 'panel' && hasTools && (selectedNode !== undefined || selectedEdge !== undefined);
  const isBeside = width >= BESIDE_PX;

  const [mapSize, setMapSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = box.current!;
    const measure = (): void => {
      const next = { width: element.clientWidth, height: element.clientHeight };
      setMapSize((last) => (last.width === next.width && last.height === next.height ? last : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Of the whole panel: no node moves when a description opens beside the map.
  const layoutSize = isNarrow
    ? { width: Math.max(280, width - 16), height }
    : { width, height: mapSize.height || height };
  const laidOut = useLayout(graph, isNarrow ? 'down' : 'right', layoutSize, isNarrow ? NO_PINS : pins);
  const style = useMemo(() => mapStyle(theme, graph), [theme, graph]);

  const select = useCallback((id: string | undefined): void => setSelected(id), []);
  const reveal = (id: string): void => controller.current?.reveal(id);
  const selectAndReveal = (id: string | undefined): void => {
    if (id === undefined) return;
    setSelected(id);
    reveal(id);
  };
  const focusOn = (id: string | undefined): void => {
    const edge = id === undefined ? undefined : edges.get(id);
    if (edge) setFocus({ kind: 'edge', source: edge.source, target: edge.target });
    else if (id !== undefined && nodes.has(id)) setFocus({ kind: 'node', id });
  };
  const toggleGroup = (group: string): void =>
    setToggledGroups((last) => {
      const next = new Set(last);
      if (!next.delete(group)) next.add(group);
      return next;
    });
  const pin = (changed: Pins): void => {
    setPins(changed);
    savePins(storageKey, changed);
  };

  const events = {
    onHover: (hit: MapHit | undefined, at: MapPoint) => setHovered(hit && { hit, at }),
    onClick: (hit: MapHit | undefined) => {
      root.current?.focus({ preventScroll: true });
      if (hit?.kind === 'island') toggleGroup(hit.group);
      else select(hit?.id);
    },
    onDoubleClick: (hit: MapHit) => {
      if (hit.kind === 'island') return;
      const node = nodes.get(hit.id);
      if (node?.kind === 'group') toggleGroup(node.name);
      else focusOn(hit.id);
    },
    onPin: (id: string, at: MapPoint) => {
      if (!isNarrow) pin({ ...pins, [id]: at });
    },
  };
  const latestEvents = useRef(events);
  useEffect(() => {
    latestEvents.current = events;
  });
  useEffect(() => {
    controller.current = new MapController(canvas.current!, () => latestEvents.current);
    return () => {
      controller.current?.dispose();
      controller.current = undefined;
    };
  }, []);
  useLayoutEffect(() => {
    if (!laidOut || mapSize.width === 0 || mapSize.height === 0) return;
    controller.current?.set({
      graph: laidOut.graph,
      layout: laidOut.layout,
      style,
      size: mapSize,
      metric,
      lit,
      selected,
      hasSide,
      hasFocus,
      stale: isStale,
    });
  }, [laidOut, style, mapSize, metric, lit, selected, hasSide, hasFocus, isStale]);
  // The controller is made after the first layout effects: it gets its first input here.
  useEffect(() => {
    if (!laidOut || mapSize.width === 0 || mapSize.height === 0 || controller.current?.scene) return;
    controller.current?.set({
      ...laidOut,
      style,
      size: mapSize,
      metric,
      lit,
      selected,
      hasSide,
      hasFocus,
      stale: isStale,
    });
  }, [laidOut, style, mapSize, metric, lit, selected, hasSide, hasFocus, isStale]);

  const changeDepth = (step: 1 | -1): void =>
    setDepth((last) => {
      if (last === Infinity) return step === 1 ? Infinity : 2;
      return last + step > 6 ? Infinity : Math.max(1, last + step);
    });
  const nextMatch = (): void => {
    const at = matches.indexOf(selected ?? '');
    selectAndReveal(matches[(at + 1) % matches.length]);
  };
  const leave = (): boolean => {
    if (helps) setHelps(false);
    else if (selected !== undefined) setSelected(undefined);
    else if (focus !== undefined) setFocus(undefined);
    else if (search !== '') setSearch('');
    else return false;
    return true;
  };
  const openPage = (): boolean => {
    if (selectedEdge && map.edgeRow.has(selectedEdge.id))
      followInApp(links.edge(selectedEdge.source, selectedEdge.target));
    else if (selectedNode && selectedNode.kind !== 'group') followInApp(links.service(selectedNode.id));
    else return false;
    return true;
  };
  const press = (key: string): boolean => {
    switch (key) {
      case '/':
        searchBox.current?.focus();
        return searchBox.current !== null;
      case '?':
        setHelps((last) => !last);
        return true;
      case 'j':
      case 'k':
      case 'n':
      case 'N': {
        const edge = nextEdge(graph, selected, key === 'j' || key === 'n' ? 1 : -1, key === 'n' || key === 'N');
        selectAndReveal(edge?.id);
        return true;
      }
      case 'l':
        setMetric((last) => EDGE_METRICS[(EDGE_METRICS.indexOf(last) + 1) % EDGE_METRICS.length]!);
        return true;
      case '+':
      case '-':
        changeDepth(key === '+' ? 1 : -1);
        return true;
      case 'f':
        focusOn(selected);
        return selected !== undefined;
      case 'o':
        return openPage();
      case 'x':
        return selectedEdge !== undefined && openPage();
      case 'Enter':
        if (selectedNode?.kind !== 'group') return false;
        toggleGroup(selectedNode.name);
        return true;
      case 'Escape':
        return leave();
      case 'ArrowLeft':
      case 'ArrowRight':
      case 'ArrowUp':
      case 'ArrowDown': {
        const scene = controller.current?.scene;
        if (!scene) return false;
        const from = selectedEdge ? (key === 'ArrowLeft' ? selectedEdge.source : selectedEdge.target) : selected;
        selectAndReveal(selectedEdge ? from : nextNode(scene, graph, from, key));
        return true;
      }
      default:
        return false;
    }
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target: on } = event;
    const isOnControl = on !== root.current && on instanceof HTMLElement;
    // Buttons and boxes keep what they do with keys; the others are the map's.
    if (isOnControl && (on.closest('input, textarea, [role="radiogroup"]') || event.key === 'Enter')) return;
    if (!press(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  };

  const failing = graph.edges.filter(({ bad }) => bad === 'failing');
  const origin = [...failing].sort(byHarm)[0];
  const narrowHeight = isNarrow ? heightFor(laidOut?.layout.bounds, width) : undefined;
  const hasPins = !isNarrow && Object.keys(pins).some((id) => nodes.has(id));
  const selectionText = selectedEdge
    ? edgeSentence(selectedEdge, nameOf)
    : selectedNode && nodeSentence(selectedNode, states.get(selectedNode.id) ?? 'ok');
  const common = {
    styles,
    isBelow: !isBeside,
    graph,
    links,
    dataLinks: selected === undefined || !hasSide ? [] : map.linksOf(selected),
    onSelect: selectAndReveal,
    onFocus: () => focusOn(selected),
    onClose: () => setSelected(undefined),
  };
  return (
    <div
      ref={root}
      className={`${styles.root} ${isNarrow || !isBeside ? styles.scrolling : ''}`}
      style={{ width, height }}
      tabIndex={0}
      role="application"
      aria-label="Service map. Arrows walk from service to service, n goes to the next failing call, question mark lists the keys."
      aria-activedescendant={selectionText ? treeItemId(idPrefix, selected!) : undefined}
      onKeyDown={onKeyDown}
      onFocus={(event) => setHasFocus(event.target === root.current)}
      onBlur={() => setHasFocus(false)}
      data-testid="topology"
    >
      {hasTools && (
        <MapToolbar
          styles={styles}
          metric={metric}
          onMetric={setMetric}
          focusName={focus && target ? focusText(target, nameOf) : undefined}
          depth={depth}
          onDepth={changeDepth}
          onLeaveFocus={() => setFocus(undefined)}
          search={search}
          matches={matches.length}
          onSearch={setSearch}
          onNextMatch={nextMatch}
          onLeaveSearch={() => {
            setSearch('');
            root.current?.focus({ preventScroll: true });
          }}
          searchRef={searchBox}
          onZoom={(factor) => controller.current?.zoom(factor)}
          onFit={() => controller.current?.fit()}
          isNarrow={isNarrow}
        />
      )}
      {hasTools && (
        <div className={styles.status} data-testid="status">
          {problem !== undefined && (
            <span className={`${styles.notice} ${styles.error}`} role="alert">
              <Icon name="exclamation-circle" size="sm" /> {problem} The map is the last good answer.
            </span>
          )}
          {onlyFocus && model.notOnPath > 0 && (
            <span>
              <span className={styles.strong}>{graph.nodes.length}</span> of {graph.nodes.length + model.notOnPath}{' '}
              services on {focus ? 'the path in focus' : failing.length > 0 ? 'the worst path' : 'the busiest path'}.{' '}
              <Button size="sm" fill="text" onClick={() => setWholeMap(true)}>
                Show the whole map
              </Button>
            </span>
          )}
          {!(onlyFocus && model.notOnPath > 0) && (
            <span>
              <span className={styles.strong}>{plural(graph.nodes.length - model.closedGroups.length, 'service')}</span>
              , {plural(graph.edges.length, 'edge')}.
            </span>
          )}
          {isNarrow && wholeMap && (
            <Button size="sm" fill="text" onClick={() => setWholeMap(false)}>
              Only one path
            </Button>
          )}
          {origin && (
            <span className={styles.notice}>
              <StateMark state="failing" /> {plural(failing.length, 'edge')} failing
              {origin.origin && (
                <Button size="sm" fill="text" onClick={() => selectAndReveal(origin.id)}>
                  {`origin: ${nameOf(origin.source)} → ${nameOf(origin.target)}`}
                </Button>
              )}
            </span>
          )}
          {model.closedGroups.length > 0 && (
            <span>
              {plural(model.hiddenServices, 'service')} in {plural(model.closedGroups.length, 'closed group')}.
            </span>
          )}
          {model.folded.length > 0 && (
            <span className={styles.notice}>
              <Icon name="share-alt" size="sm" />
              {`${plural(model.folded.length, 'talks', 'talk')} to everyone: ${model.folded.slice(0, 3).join(', ')} · ${plural(model.foldedEdges, 'edge')} folded`}
              <Button size="sm" fill="text" onClick={() => setShowFolded(true)}>
                draw
              </Button>
            </span>
          )}
          {(model.nodesCut > 0 || model.edgesCut > 0) && (
            <span className={styles.notice} data-testid="cut">
              {`${formatCount(graph.edges.length)} of ${formatCount(graph.edges.length + model.edgesCut)} edges, ${formatCount(graph.nodes.length)} of ${formatCount(graph.nodes.length + model.nodesCut)} services: bad first, then by rate.`}
              <Button size="sm" fill="text" onClick={() => setShowAll(true)}>
                show all
              </Button>
            </span>
          )}
          {hasPins && (
            <span className={styles.notice}>
              {plural(Object.keys(pins).length, 'node')} pinned
              <Button size="sm" fill="text" onClick={() => pin(NO_PINS)}>
                unpin
              </Button>
            </span>
          )}
          {map.notices.map((notice) => (
            <span key={notice} className={`${styles.notice} ${styles.warning}`}>
              <Icon name="exclamation-triangle" size="sm" /> {notice}
            </span>
          ))}
          {isStale && problem === undefined && <span role="status">Reading newer figures …</span>}
        </div>
      )}
      <div
        className={`${styles.body} ${isBeside ? '' : styles.bodyStacked}`}
        style={isBeside ? undefined : { flex: hasSide || isNarrow ? 'none' : '1 1 auto' }}
      >
        <div ref={box} className={styles.map} style={mapBoxStyle(isBeside, narrowHeight, hasSide, height)}>
          <canvas
            ref={canvas}
            className={styles.canvas}
            style={{ touchAction: isNarrow ? 'pan-y' : 'none' }}
            aria-hidden="true"
            data-testid="map"
          />
          {!laidOut && <div className={styles.centre}>{`Placing ${plural(graph.nodes.length, 'service')} …`}</div>}
          {hovered && (
            <MapTooltip
              styles={styles}
              hit={hovered.hit}
              at={hovered.at}
              size={mapSize}
              nodes={nodes}
              edges={edges}
              states={states}
            />
          )}
          {helps && <KeyHelp styles={styles} />}
        </div>
        {hasSide && selectedNode && (
          <NodePanel
            {...common}
            node={selectedNode}
            state={states.get(selectedNode.id) ?? 'ok'}
            isPinned={!isNarrow && pins[selectedNode.id] !== undefined}
            onUnpin={() => {
              const { [selectedNode.id]: _, ...rest } = pins;
              pin(rest);
            }}
            onOpenGroup={() => toggleGroup(selectedNode.name)}
          />
        )}
        {hasSide && selectedEdge && (
          <EdgePanel {...common} edge={selectedEdge} row={map.edgeRow.get(selectedEdge.id)} />
        )}
      </div>
      {hasTools && options.showLegend && (
        <Legend styles={styles} hasBefore={graph.edges.some(({ p95Before }) => p95Before !== undefined)} />
      )}
      <MapTree className={styles.hidden} graph={graph} selected={selected} idPrefix={idPrefix} />
      <div className={styles.hidden} aria-live="polite">
        {selectionText}
      </div>
    </div>
  );
}

function mapBoxStyle(isBeside: boolean, narrowHeight: number | undefined, hasSide: boolean, height: number) {
  if (isBeside) return undefined;
  if (narrowHeight !== undefined) return { height: narrowHeight, flex: 'none' };
  return hasSide ? { height: Math.max(280, height - 140), flex: 'none' } : undefined;
}

/** A narrow map scrolls with the panel: it is as high as it needs at the width there is. */
function heightFor(bounds: MapSize | undefined, width: number): number {
  if (!bounds || bounds.width === 0) return 320;
  return Math.max(240, Math.min(1_600, bounds.height * Math.min(1.15, (width - 32) / bounds.width) + 36));
}

/** "source → target", or a node's id. */
function parseFocus(text: string): FocusTarget | undefined {
  if (text === '') return undefined;
  const [source = '', target] = text.split(' → ');
  return target === undefined ? { kind: 'node', id: text } : { kind: 'edge', source, target };
}

function focusText(target: FocusTarget, nameOf: (id: string) => string): string {
  return target.kind === 'node' ? nameOf(target.id) : `${nameOf(target.source)} → ${nameOf(target.target)}`;
}

function worstOf(graph: TopologyGraph): FocusTarget | undefined {
  const edge = [...graph.edges].sort(byHarm)[0];
  return edge && { kind: 'edge', source: edge.source, target: edge.target };
}
