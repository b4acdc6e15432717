export * from './draw.ts';
export * from './focus.ts';
export * from './hit.ts';
export * from './icons.ts';
export {
  byImportance,
  EDGE_METRICS,
  type EdgeLabel,
  type EdgeMetric,
  type MapLabels,
  type Measure,
  nodeFigures,
  placeLabels,
  textZoom,
} from './labels.ts';
export {
  type Direction,
  layoutMessage,
  type LayoutInput,
  type LayoutIsland,
  type LayoutOptions,
  type MapPoint,
  type TopologyLayout,
} from './layout.ts';
export * from './model.ts';
export { buildScene, canReuse, pointAlong, type MapScene, type SceneEdge, type SceneNode } from './scene.ts';
export * from './sentences.ts';
export * from './view.ts';
export * from './walk.ts';
