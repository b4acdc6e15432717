/** A plugin without a store, for the tests of the SDK. */
import { type DataSourcePlugin, QueryError, serve, stderrLogger } from '../index.ts';

const plugin: DataSourcePlugin = {
  async queryData(query, { signal }) {
    const model = JSON.parse(query.json) as { kind: string };
    if (model.kind === 'fail') throw new QueryError('wrong password', { status: 401, source: 'downstream' });
    if (model.kind === 'bad-frame') {
      return { frames: [{ fields: [{ name: 'a', type: 'string', values: [null] }] }] };
    }
    if (model.kind === 'wait') await new Promise((resolve) => signal.addEventListener('abort', resolve));
    if (model.kind === 'print') console.log('printed by the plugin');
    const environment = Object.keys(process.env).sort().join(' ');
    return { frames: [{ name: 'echo', fields: [{ name: 'environment', type: 'string', values: [environment] }] }] };
  },
  checkHealth: () => Promise.resolve({ ok: false, message: 'DNS: no such host', details: { step: 'dns' } }),
  callResource: ({ method, path, query, body }) =>
    Promise.resolve({
      status: 200,
      contentType: 'text/plain',
      body: `${method} ${path} ${query.get('q')} ${body.length}`.padEnd(3_000_000, '.'),
    }),
  collectMetrics: () => 'echo_up 1\n',
  close: () => Promise.resolve(),
};

await serve(plugin, stderrLogger('echo'));
