import { pino } from 'pino';
import { readConfig } from './config.ts';
import { startIngest } from './server.ts';

const logger = pino({ name: 'ingest' }, pino.destination({ dest: 2, sync: true }));

try {
  const ingest = await startIngest(readConfig(process.env), logger);
  logger.info({ port: ingest.port, otlpHttp: ingest.otlpHttpPort, otlpGrpc: ingest.otlpGrpcPort }, 'ready');
  const stop = (): void => {
    ingest.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'could not close cleanly');
        process.exit(1);
      }
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
