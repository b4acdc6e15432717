import { defineConfig } from 'vitest/config';

const sources = '{agent,ingest,store,workbench,libs/*,datasource-plugin,tests,bench,.ci}';

// unit: no network, no root. int: needs a store, servers or root; each file skips with a printed reason where it cannot run.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${sources}/**/*.test.ts`],
          exclude: ['**/*.int.test.ts', '**/node_modules/**'],
          environment: 'node',
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
