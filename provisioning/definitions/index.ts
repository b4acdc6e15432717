import { type Dashboard } from '../panels.ts';
import { databases } from './databases.ts';
import { network } from './network.ts';
import { pipeline } from './pipeline.ts';
import { requests } from './requests.ts';
import { services } from './services.ts';
import { topology } from './topology.ts';
import { traces } from './traces.ts';

/** By the name of their file. */
export const DASHBOARDS: ReadonlyMap<string, Dashboard> = new Map([
  ['services', services],
  ['topology', topology],
  ['traces', traces],
  ['requests', requests],
  ['network', network],
  ['databases', databases],
  ['pipeline', pipeline],
]);
