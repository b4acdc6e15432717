import { defineConfig } from 'vitest/config';

const sources = '{agent,ingest,store,workbench,libs/*,datasource-plugin,provisioning,deploy,tests,bench,.ci}';
const webSources = '{panels/*/src,app-plugin/src,libs/ui/src,datasource-plugin/src}';

// unit: no network, no root. int: needs a store, servers or root; each file skips with a printed reason where it cannot run.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${sources}/**/*.test.ts`],
          exclude: ['**/*.int.test.ts', '**/*.e2e.test.ts', '**/node_modules/**', '**/dist/**', `${webSources}/**`],
          environment: 'node',
        },
      },
      {
        test: {
          name: 'web',
          include: [`${webSources}/**/*.test.{ts,tsx}`],
          exclude: ['**/node_modules/**', '**/dist/**'],
          environment: 'jsdom',
          setupFiles: ['libs/ui/src/testSetup.ts'],
          // Grafana's packages are ES modules that import CommonJS by name: the bundler's way, not Node's.
          server: { deps: { inline: [/@grafana\//] } },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.e2e.test.ts'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 400_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'int',
          include: [`${sources}/**/*.int.test.ts`],
          exclude: ['**/node_modules/**'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // Integration tests share two cores, ports and kernel facilities.
          fileParallelism: false,
        },
      },
    ],
  },
});
