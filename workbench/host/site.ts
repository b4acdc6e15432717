import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { distOf, PLUGINS } from '@throughline/plugin-build';
import { frontendSettings } from './frontendSettings.ts';
import { type PackageSet, packagesOf, pageFolder } from './pageBuild.ts';
import { createReloader, RELOAD_PATH } from './reload.ts';

/** The host page and the files it asks for, under the paths where Grafana serves them. */

const PROJECT_ROOT = resolve(import.meta.dirname, '../..');
const DASHBOARDS = join(PROJECT_ROOT, 'provisioning/dashboards');

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.map': 'application/json',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
  '.png': 'image/png',
  '.md': 'text/markdown; charset=utf-8',
};
const COMPRESSED = new Set(['.js', '.css', '.svg', '.json', '.map']);

/** Name under which @grafana/ui asks for Roboto Mono (latin, 400). */
const ROBOTO_MONO = /^\/public\/fonts\/roboto\/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ\.woff2$/;

/** @grafana/ui's package lacks a third of the icons that its components name; these are drawn by us. */
const OWN_ICONS = join(import.meta.dirname, 'icons');

/**
 * Grafana's own template (conf/defaults.ini, content_security_policy_template), so that workers and styles are tried
 * under what people run.
 */
const GRAFANA_CSP =
  "script-src 'self' 'unsafe-eval' 'unsafe-inline' 'strict-dynamic' $NONCE;object-src 'none';font-src 'self';style-src 'self' 'unsafe-inline' blob:;img-src * data:;base-uri 'self';connect-src 'self' grafana.com ws://$ROOT_PATH wss://$ROOT_PATH;manifest-src 'self';media-src 'none';form-action 'self';";

export interface SiteOptions {
  readonly packageSet: PackageSet;
  readonly contentSecurityPolicy: boolean;
  readonly reload: boolean;
}

/** Answers what is the page's; false where the path is none of it. */
export function createSite({ packageSet, contentSecurityPolicy, reload }: SiteOptions) {
  const reloader = reload ? createReloader(packageSet) : undefined;
  const packages = packagesOf(packageSet);

  return async function serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    if (reloader && path === RELOAD_PATH) {
      reloader(response);
      return true;
    }
    if (path === '/api/frontend/settings') return sendJson(response, frontendSettings());
    if (path === '/api/search')
      return sendJson(
        response,
        dashboards().map(({ uid, title, tags }) => ({ uid, title, tags }))
      );
    const uid = /^\/api\/dashboards\/uid\/([\w-]+)$/.exec(path)?.[1];
    if (uid !== undefined) {
      const found = dashboards().find((each) => each.uid === uid);
      if (found) return sendJson(response, { dashboard: found.json, meta: { provisioned: true, url: `/d/${uid}` } });
    }
    if (path.startsWith('/api/')) return false;
    const file = fileOf(path);
    if (file !== undefined) return sendFile(request, response, file);
    if (path.startsWith('/public/') || path.startsWith('/build/')) return false;
    sendPage(request, response);
    return true;
  };

  function fileOf(path: string): string | undefined {
    const under = (folder: string, rest: string): string | undefined => {
      const file = normalize(join(folder, rest));
      return file.startsWith(folder + '/') && existsSync(file) && statSync(file).isFile() ? file : undefined;
    };
    const [, icon] = /^\/public\/build\/img\/icons\/(.+)$/.exec(path) ?? [];
    if (icon !== undefined) {
      return (
        under(join(packages, '@grafana/ui/dist/public/img/icons'), icon) ??
        under(OWN_ICONS, icon.split('/').at(-1)!) ??
        join(OWN_ICONS, 'missing.svg')
      );
    }
    if (ROBOTO_MONO.test(path)) {
      return join(packagesOf('current'), '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2');
    }
    const [, inter] = /^\/public\/fonts\/inter\/(Inter-\w+\.woff2)$/.exec(path) ?? [];
    if (inter !== undefined) return under(join(packagesOf('current'), 'inter-ui/web'), inter);
    const [, id, rest] = /^\/public\/plugins\/([\w-]+)\/(.+)$/.exec(path) ?? [];
    const plugin = PLUGINS.find((each) => each.id === id);
    if (plugin) return under(distOf(plugin), rest!);
    const [, built] = /^\/build\/(.+)$/.exec(path) ?? [];
    return built === undefined ? undefined : under(pageFolder(packageSet), built);
  }

  function sendPage(request: IncomingMessage, response: ServerResponse): void {
    const nonce = randomBytes(16).toString('base64');
    const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Throughline</title>
<base href="/">
<link rel="icon" href="/public/plugins/throughline-app/img/logo.svg">
<style>html,body,#root{height:100%;margin:0}</style>
<link rel="stylesheet" href="/build/index.css">
</head>
<body><div id="root"></div>${reloader ? reloadScript(nonce) : ''}<script nonce="${nonce}" type="module" src="/build/index.js"></script></body>
</html>
`;
    const headers: Record<string, string> = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' };
    if (contentSecurityPolicy) {
      headers['Content-Security-Policy'] = GRAFANA_CSP.replaceAll('$NONCE', `'nonce-${nonce}'`).replaceAll(
        '$ROOT_PATH',
        request.headers.host ?? '127.0.0.1'
      );
    }
    response.writeHead(200, headers);
    response.end(html);
  }
}

function reloadScript(nonce: string): string {
  return `<script nonce="${nonce}">new EventSource('${RELOAD_PATH}').onmessage = () => location.reload();</script>`;
}

interface ProvisionedDashboard {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly json: unknown;
}

/** Read anew each time: whoever edits one sees it on reload. */
function dashboards(): ProvisionedDashboard[] {
  if (!existsSync(DASHBOARDS)) return [];
  return readdirSync(DASHBOARDS)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const json = JSON.parse(readFileSync(join(DASHBOARDS, name), 'utf8')) as Omit<ProvisionedDashboard, 'json'>;
      return { uid: json.uid, title: json.title, tags: json.tags, json };
    });
}

function sendJson(response: ServerResponse, value: unknown): true {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(value));
  return true;
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: string): Promise<true> {
  const extension = extname(file);
  const { mtimeMs, size } = statSync(file);
  const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`;
  const headers: Record<string, string> = {
    'Content-Type': CONTENT_TYPES[extension] ?? 'application/octet-stream',
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ETag: etag,
  };
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers);
    response.end();
    return true;
  }
  const isCompressed = COMPRESSED.has(extension) && (request.headers['accept-encoding'] ?? '').includes('gzip');
  response.writeHead(200, isCompressed ? { ...headers, 'Content-Encoding': 'gzip' } : headers);
  if (request.method === 'HEAD') response.end();
  else if (isCompressed) await pipeline(createReadStream(file), createGzip({ level: 1 }), response);
  else await pipeline(createReadStream(file), response);
  return true;
}
