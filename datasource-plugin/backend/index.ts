import { join } from 'node:path';

/** The program that Grafana, or the workbench, starts as the data source's backend. */
export const backendProgram = join(import.meta.dirname, 'main.ts');
