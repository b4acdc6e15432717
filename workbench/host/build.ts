// node workbench/host/build.ts [--set current|oldest]: builds what the workbench serves, as far as it is stale.
import { parseArgs } from 'node:util';
import { buildPlugins } from '@throughline/plugin-build';
import { buildPage, PACKAGE_SETS } from './pageBuild.ts';

const { values } = parseArgs({ options: { set: { type: 'string', default: 'current' } } });
const set = PACKAGE_SETS.find((each) => each === values.set);
if (!set) throw new Error(`--set is one of ${PACKAGE_SETS.join(', ')}`);
const onProgress = (line: string): void => console.log(line);
await buildPlugins({ onProgress });
await buildPage({ set, onProgress });
