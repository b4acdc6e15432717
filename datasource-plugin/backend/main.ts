import { serve, stderrLogger } from '@throughline/grafana-backend';
import { createDatasource } from './datasource.ts';

const logger = stderrLogger('throughline-datasource');

async function main(): Promise<void> {
  await serve(createDatasource(logger), logger);
}

// Not awaited at the top level: the packaged backend is a CommonJS script.
main().catch((error: unknown) => {
  logger.log('error', 'the backend did not start', { error });
  process.exit(1);
});
