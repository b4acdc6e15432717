import { createServer } from 'node:http';
import { pino } from 'pino';
import { BackendProcess } from './backendProcess.ts';
import { createBridge } from './bridge.ts';
import { type HostConfig, readConfig } from './config.ts';

const logger = pino({ name: 'workbench' }, pino.destination({ dest: 2, sync: true }));

function configure(): HostConfig {
  try {
    return readConfig(process.env);
  } catch (error) {
    logger.fatal((error as Error).message);
    process.exit(2);
  }
}

const config = configure();
const backend = new BackendProcess(logger);
const server = createServer(createBridge({ config, backend: () => backend.get(), logger }));

async function stop(code: number): Promise<void> {
  server.close();
  server.closeAllConnections();
  await backend.stop();
  process.exit(code);
}
process.once('SIGTERM', () => void stop(0));
process.once('SIGINT', () => void stop(0));

server.once('error', (error: NodeJS.ErrnoException) => {
  const hint =
    error.code === 'EADDRINUSE' ? `port ${config.port} is taken; choose another with --port-base` : error.message;
  logger.fatal(`WORKBENCH_LISTEN: ${hint}`);
  void stop(2);
});
server.listen(config.port, config.host, () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  logger.info({ host: config.host, port }, 'workbench listens');
  backend.get().catch((error: unknown) => logger.error({ err: error }, 'datasource backend did not start'));
});
