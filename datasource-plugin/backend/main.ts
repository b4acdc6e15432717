import { serve, stderrLogger } from '@throughline/grafana-backend';
import { createDatasource } from './datasource.ts';

const logger = stderrLogger('throughline-datasource');

try {
  await serve(createDatasource(logger), logger);
} catch (error) {
  logger.log('error', 'the backend did not start', { error });
  process.exit(1);
}
