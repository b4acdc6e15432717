import {
  type SceneComponentProps,
  sceneGraph,
  SceneObjectBase,
  type SceneObjectState,
  SceneObjectUrlSyncConfig,
  type SceneObjectUrlValues,
  type SceneQueryRunner,
  type VizPanel,
} from '@grafana/scenes';
import { type DataQuery } from '@grafana/schema';
import { type ComponentType, createElement } from 'react';

export type Params = Readonly<Record<string, string>>;

interface AppPageBodyState extends SceneObjectState {
  /** What the page shows, as its address says it. */
  readonly params: Params;
  readonly $data: SceneQueryRunner;
  /** Panels of the page, in the order in which its view draws them. */
  readonly panels: VizPanel[];
}

export interface AppPageBodyOptions {
  readonly keys: readonly string[];
  readonly $data: SceneQueryRunner;
  readonly queriesOf: (params: Params) => DataQuery[];
  readonly panelsOf?: (params: Params) => VizPanel[];
  /** Called once the address was read, before the first query. */
  readonly onParams?: (params: Params, body: AppPageBody) => void;
  readonly View: ComponentType<{ readonly body: AppPageBody }>;
}

/** A page's content: its parameters live in the URL, its queries and panels follow them, its view draws what came. */
export class AppPageBody extends SceneObjectBase<AppPageBodyState> {
  public static Component = ({ model }: SceneComponentProps<AppPageBody>) => {
    const { View } = model.options;
    return createElement(View, { body: model });
  };

  readonly options: AppPageBodyOptions;

  constructor(options: AppPageBodyOptions) {
    super({ params: {}, $data: options.$data, panels: [] });
    this.options = options;
    this._urlSync = new SceneObjectUrlSyncConfig(this, { keys: [...options.keys] });
    this.addActivationHandler(() => this.#apply());
  }

  getUrlState(): SceneObjectUrlValues {
    return Object.fromEntries(this.options.keys.map((key) => [key, this.state.params[key] || undefined]));
  }

  updateFromUrl(values: SceneObjectUrlValues): void {
    const params = { ...this.state.params };
    for (const key of this.options.keys) {
      const value = values[key];
      if (value === undefined) continue;
      params[key] = (Array.isArray(value) ? value[0] : value) ?? '';
    }
    const isSame = this.options.keys.every((key) => (params[key] ?? '') === (this.state.params[key] ?? ''));
    if (!isSame) this.setParams(params);
  }

  setParams(changed: Params): void {
    this.setState({ params: { ...this.state.params, ...changed } });
    if (this.isActive) this.#apply();
  }

  /** Runs the queries again. */
  refresh(): void {
    this.state.$data.runQueries();
    for (const panel of this.state.panels) {
      const runner = sceneGraph.getData(panel);
      if ('runQueries' in runner && runner !== this.state.$data) (runner as SceneQueryRunner).runQueries();
    }
  }

  #apply(): void {
    const { params } = this.state;
    this.options.onParams?.(params, this);
    this.setState({ panels: this.options.panelsOf?.(params) ?? [] });
    this.state.$data.setState({ queries: this.options.queriesOf(params) });
    if (this.isActive) this.state.$data.runQueries();
  }
}
