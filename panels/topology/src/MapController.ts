import {
  buildScene,
  drawMap,
  type EdgeMetric,
  fitView,
  type HitIndex,
  hitIndex,
  type Lit,
  type MapHit,
  type MapLabels,
  type MapPoint,
  type MapScene,
  type MapSize,
  type MapView,
  type Measure,
  neighbourhood,
  placeLabels,
  revealPoint,
  textZoom,
  toMap,
  type TopologyGraph,
  type TopologyLayout,
  type TopologyStyle,
  zoomMap,
} from '@throughline/viz';

/** What the map shows; the controller draws whenever a part of it changes. */
export interface MapInput {
  readonly graph: TopologyGraph;
  readonly layout: TopologyLayout;
  readonly style: TopologyStyle;
  readonly size: MapSize;
  readonly metric: EdgeMetric;
  readonly lit: Lit | undefined;
  readonly selected: string | undefined;
  /** The description of what is selected takes a part of the panel. */
  readonly hasSide: boolean;
  readonly hasFocus: boolean;
  readonly stale: boolean;
}

export interface MapEvents {
  /** @param at of the pointer, in pixels of the map's box */
  readonly onHover: (hit: MapHit | undefined, at: MapPoint) => void;
  readonly onClick: (hit: MapHit | undefined) => void;
  readonly onDoubleClick: (hit: MapHit) => void;
  readonly onPin: (id: string, at: MapPoint) => void;
}

const FADE_AFTER_MS = 150;
const MOVE_MS = 200;
const RELABEL_AFTER_MS = 80;
const DRAG_FROM_PX = 4;
/** With more edges than this labels wait for the end of a zoom. */
const MANY_EDGES = 250;

type Drag =
  | { readonly kind: 'pan'; readonly from: MapPoint; readonly view: MapView; moved: boolean }
  | { readonly kind: 'node'; readonly id: string; readonly from: MapPoint; moved: boolean };

/** The canvas: view, pointer and frames. Knows nothing of React. */
export class MapController {
  readonly #canvas: HTMLCanvasElement;
  readonly #ctx: CanvasRenderingContext2D;
  readonly #events: () => MapEvents;
  readonly #abort = new AbortController();
  #input: MapInput | undefined;
  #scene: MapScene | undefined;
  #hits: HitIndex | undefined;
  #labels: MapLabels | undefined;
  #view: MapView = { scale: 1, x: 0, y: 0 };
  /** The user has moved the map: it is not fitted again by itself. */
  #isMoved = false;
  /** Whether the description was open when the map got its size. */
  #hadSide = false;
  #hovered: MapHit | undefined;
  #hoverLit: Lit | undefined;
  #drag: Drag | undefined;
  #dragged: (MapPoint & { readonly id: string }) | undefined;
  #frame = 0;
  #fadeTimer: ReturnType<typeof setTimeout> | undefined;
  #labelTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(canvas: HTMLCanvasElement, events: () => MapEvents) {
    this.#canvas = canvas;
    this.#ctx = canvas.getContext('2d')!;
    this.#events = events;
    const { signal } = this.#abort;
    canvas.addEventListener('pointerdown', (event) => this.#onPointerDown(event), { signal });
    canvas.addEventListener('pointermove', (event) => this.#onPointerMove(event), { signal });
    canvas.addEventListener('pointerup', (event) => this.#onPointerUp(event), { signal });
    canvas.addEventListener('pointercancel', () => this.#endDrag(), { signal });
    canvas.addEventListener('pointerleave', () => this.#hover(undefined, { x: 0, y: 0 }), { signal });
    canvas.addEventListener('dblclick', (event) => this.#onDoubleClick(event), { signal });
    canvas.addEventListener('wheel', (event) => this.#onWheel(event), { signal, passive: false });
    void document.fonts?.ready.then(() => this.#relabel());
  }

  dispose(): void {
    this.#abort.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#fadeTimer);
    clearTimeout(this.#labelTimer);
  }

  set(input: MapInput): void {
    const last = this.#input;
    this.#input = input;
    const isOther = last?.layout !== input.layout || last?.graph !== input.graph;
    if (isOther) {
      this.#build();
      if (this.#hovered?.kind === 'edge' && !this.#scene!.edgeById.has(this.#hovered.id)) this.#clearHover();
      if (this.#hovered?.kind === 'node' && !this.#scene!.nodeById.has(this.#hovered.id)) this.#clearHover();
    }
    const isOtherSize = last?.size.width !== input.size.width || last?.size.height !== input.size.height;
    if (isOtherSize) this.#resize();
    if (last?.layout !== input.layout || (isOtherSize && this.#hadSide === input.hasSide)) {
      if (!this.#isMoved) this.#view = this.#fitted();
    } else if (isOtherSize && input.hasSide) {
      // The map does not jump when a description opens beside it: it moves only as far as the selected mark needs.
      this.#view = this.#revealed();
    }
    if (isOtherSize) this.#hadSide = input.hasSide;
    const isOtherText =
      isOther ||
      last?.metric !== input.metric ||
      last?.lit !== input.lit ||
      last?.selected !== input.selected ||
      last?.style.font !== input.style.font;
    if (isOtherText || this.#labels?.zoom !== textZoom(this.#view.scale)) this.#relabel();
    this.#draw();
  }

  fit(): void {
    this.#isMoved = false;
    this.#moveTo(this.#fitted());
  }

  zoom(factor: number): void {
    if (!this.#input) return;
    const { width, height } = this.#input.size;
    this.#isMoved = true;
    this.#moveTo(zoomMap(this.#view, factor, width / 2, height / 2));
  }

  /** Brings a node, or the middle of an edge, into sight. */
  reveal(id: string): void {
    if (!this.#input) return;
    const next = this.#revealed(id);
    if (next.x === this.#view.x && next.y === this.#view.y) return;
    this.#isMoved = true;
    this.#moveTo(next);
  }

  #revealed(id = this.#input!.selected): MapView {
    const edge = id === undefined ? undefined : this.#scene?.edgeById.get(id)?.edge;
    const nodes = (edge ? [edge.source, edge.target] : [id ?? '']).flatMap(
      (each) => this.#scene?.nodeById.get(each) ?? []
    );
    if (nodes.length === 0) return this.#view;
    const x = nodes.reduce((sum, node) => sum + node.x, 0) / nodes.length;
    const y = nodes.reduce((sum, node) => sum + node.y, 0) / nodes.length;
    return revealPoint(this.#view, this.#input!.size, x, y);
  }

  get scene(): MapScene | undefined {
    return this.#scene;
  }

  #fitted(): MapView {
    return fitView(this.#scene!.layout.bounds, this.#input!.size);
  }

  #build(): void {
    const { graph, layout } = this.#input!;
    this.#scene = buildScene(graph, layout, this.#dragged);
    this.#hits = hitIndex(this.#scene);
  }

  #resize(): void {
    const { width, height } = this.#input!.size;
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
  }

  #measure: Measure = (text, px, weight) => {
    this.#ctx.font = `${weight} ${px}px ${this.#input!.style.font}`;
    return this.#ctx.measureText(text).width;
  };

  #relabel(): void {
    clearTimeout(this.#labelTimer);
    if (!this.#scene || !this.#input) return;
    const { metric, lit, selected } = this.#input;
    const zoom = textZoom(this.#view.scale);
    this.#labels = placeLabels(this.#scene, { metric, lit, selected, zoom, measure: this.#measure });
    this.#draw();
  }

  #setView(view: MapView): void {
    this.#view = view;
    if (this.#labels && this.#labels.zoom !== textZoom(view.scale)) {
      if (this.#scene!.edges.length <= MANY_EDGES) this.#relabel();
      else {
        clearTimeout(this.#labelTimer);
        this.#labelTimer = setTimeout(() => this.#relabel(), RELABEL_AFTER_MS);
      }
    }
    this.#draw();
  }

  #moveTo(target: MapView): void {
    this.#stopMove();
    if (window.matchMedia?.('(prefers-reduced-motion: reduce)').matches) return this.#setView(target);
    const from = this.#view;
    const start = performance.now();
    const step = (now: number): void => {
      const share = Math.min(1, Math.max(0, (now - start) / MOVE_MS));
      const eased = 1 - (1 - share) ** 3;
      const between = (a: number, b: number): number => a + (b - a) * eased;
      this.#frame = 0;
      this.#setView(
        share === 1
          ? target
          : { scale: between(from.scale, target.scale), x: between(from.x, target.x), y: between(from.y, target.y) }
      );
      if (share < 1) {
        cancelAnimationFrame(this.#frame);
        this.#frame = requestAnimationFrame((time) => {
          this.#paint();
          step(time);
        });
      }
    };
    step(start);
  }

  /** The user's hand goes before a move that is under way. */
  #stopMove(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #draw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    if (!this.#scene || !this.#input || !this.#labels) return;
    const { size, style, lit, selected, hasFocus, stale } = this.#input;
    const hovered = this.#hovered?.kind === 'island' ? undefined : this.#hovered?.id;
    const state = { lit: this.#hoverLit ?? lit, selected, hovered, hasFocus, stale };
    drawMap(this.#ctx, this.#scene, this.#labels, this.#view, size, this.#canvas.width / size.width, state, style);
  }

  #at(event: MouseEvent): MapPoint {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #hitAt({ x, y }: MapPoint): MapHit | undefined {
    const point = toMap(this.#view, x, y);
    return this.#hits?.at(point.x, point.y, this.#view.scale);
  }

  #onPointerDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#stopMove();
    this.#draw();
    const from = this.#at(event);
    const hit = this.#hitAt(from);
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drag =
      hit?.kind === 'node'
        ? { kind: 'node', id: hit.id, from, moved: false }
        : { kind: 'pan', from, view: this.#view, moved: false };
  }

  #onPointerMove(event: PointerEvent): void {
    const at = this.#at(event);
    const drag = this.#drag;
    if (!drag) {
      this.#hover(this.#hitAt(at), at);
      return;
    }
    if (!drag.moved && Math.hypot(at.x - drag.from.x, at.y - drag.from.y) < DRAG_FROM_PX) return;
    drag.moved = true;
    this.#hover(undefined, at);
    this.#canvas.style.cursor = 'grabbing';
    if (drag.kind === 'pan') {
      this.#isMoved = true;
      this.#setView({ ...drag.view, x: drag.view.x + at.x - drag.from.x, y: drag.view.y + at.y - drag.from.y });
      return;
    }
    this.#dragged = { id: drag.id, ...toMap(this.#view, at.x, at.y) };
    this.#build();
    if (this.#scene!.edges.length <= MANY_EDGES) this.#relabel();
    this.#draw();
  }

  #onPointerUp(event: PointerEvent): void {
    const drag = this.#drag;
    const dragged = this.#dragged;
    this.#endDrag();
    if (!drag) return;
    if (!drag.moved) return this.#events().onClick(this.#hitAt(this.#at(event)));
    if (drag.kind === 'node' && dragged) {
      this.#isMoved = true;
      this.#events().onPin(dragged.id, { x: Math.round(dragged.x), y: Math.round(dragged.y) });
    }
  }

  #endDrag(): void {
    this.#drag = undefined;
    this.#dragged = undefined;
    this.#canvas.style.cursor = '';
  }

  #onDoubleClick(event: MouseEvent): void {
    const hit = this.#hitAt(this.#at(event));
    if (hit) this.#events().onDoubleClick(hit);
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    this.#stopMove();
    this.#isMoved = true;
    const at = this.#at(event);
    // Lines and pages of some mice are as far as so many pixels.
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    this.#setView(zoomMap(this.#view, Math.exp(-Math.max(-240, Math.min(240, pixels)) * 0.0022), at.x, at.y));
  }

  #hover(hit: MapHit | undefined, at: MapPoint): void {
    this.#canvas.style.cursor = hit ? 'pointer' : '';
    const isSame = keyOf(hit) === keyOf(this.#hovered);
    if (isSame && !hit) return;
    this.#events().onHover(hit, at);
    if (isSame) return;
    this.#clearHover();
    this.#hovered = hit;
    if (hit && hit.kind !== 'island') {
      this.#fadeTimer = setTimeout(() => {
        this.#hoverLit = neighbourhood(this.#input!.graph, hit);
        this.#draw();
      }, FADE_AFTER_MS);
    }
    this.#draw();
  }

  #clearHover(): void {
    clearTimeout(this.#fadeTimer);
    this.#hovered = undefined;
    this.#hoverLit = undefined;
  }
}

function keyOf(hit: MapHit | undefined): string {
  return hit === undefined ? '' : hit.kind === 'island' ? `island ${hit.group}` : `${hit.kind} ${hit.id}`;
}
