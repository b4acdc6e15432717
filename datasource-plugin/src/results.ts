import { CoreApp, type DataFrame, type DataQueryResponse, type Field } from '@grafana/data';
import { config } from '@grafana/runtime';

/** What the host's version and its panels allow on top of the backend's frames. */

const TRACE_PANEL = 'throughline-waterfall-panel';
const TOPOLOGY_PANEL = 'throughline-topology-panel';
const PANEL_OF_TYPE: Readonly<Record<string, string>> = { trace: TRACE_PANEL, nodeGraph: TOPOLOGY_PANEL };

/** The first version that opens a link by a click on the value itself. */
const ONE_CLICK_SINCE = [11, 4] as const;

export function decorate(response: DataQueryResponse, app: CoreApp | string): DataQueryResponse {
  const oneClick = isAtLeast(config.buildInfo.version, ONE_CLICK_SINCE);
  return { ...response, data: response.data.map((frame: DataFrame) => decorateFrame(frame, app, oneClick)) };
}

function decorateFrame(frame: DataFrame, app: CoreApp | string, oneClick: boolean): DataFrame {
  const fields = oneClick ? frame.fields.map(withOneClick) : frame.fields;
  const type = frame.meta?.preferredVisualisationType;
  const panel = type === undefined || app !== CoreApp.Explore ? undefined : PANEL_OF_TYPE[type];
  // The core type stays: Explore falls back to it, and a dashboard's panel is suggested by it.
  const meta =
    panel !== undefined && panel in (config.panels ?? {})
      ? { ...frame.meta, preferredVisualisationPluginId: panel }
      : frame.meta;
  return { ...frame, fields, ...(meta && { meta }) };
}

function withOneClick(field: Field): Field {
  const [first, ...others] = field.config.links ?? [];
  if (!first || [first, ...others].some((link) => link.oneClick)) return field;
  return { ...field, config: { ...field.config, links: [{ ...first, oneClick: true }, ...others] } };
}

export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [isMajor = 0, isMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return isMajor > major || (isMajor === major && isMinor >= minor);
}
