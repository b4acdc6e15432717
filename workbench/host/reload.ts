import { existsSync, watch } from 'node:fs';
import { type ServerResponse } from 'node:http';
import { distOf, PLUGINS } from '@throughline/plugin-build';
import { type PackageSet, pageFolder } from './pageBuild.ts';

/** For developers: tells open pages to load anew when a plugin or the page itself was built. */

export const RELOAD_PATH = '/workbench/reload';

/** A compiler writes several files one after the other. */
const SETTLE_MS = 150;

export function createReloader(packageSet: PackageSet): (response: ServerResponse) => void {
  const pages = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const page of pages) page.write('data: built\n\n');
    }, SETTLE_MS);
  };
  for (const folder of [...PLUGINS.map(distOf), pageFolder(packageSet)]) {
    if (existsSync(folder)) watch(folder, changed);
  }
  return (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': waiting\n\n');
    pages.add(response);
    response.once('close', () => pages.delete(response));
  };
}
