// Grafana's packages read window.grafanaBootData while they are evaluated: boot comes first, in a module of its own.
import { boot } from './boot.ts';

await boot();
performance.mark('boot');
const { start } = await import('./start.tsx');
await start();
