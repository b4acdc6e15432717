export { encodeArrowFrame } from './arrowFrame.ts';
export {
  type ArrowStreamOptions,
  arrowStreamToFile,
  arrowStreamToFrame,
  type ColumnOptions,
  countRows,
} from './arrowStream.ts';
export { encodeFrame } from './encode.ts';
export * from './errors.ts';
export * from './frame.ts';
export {
  CallResourceRequest,
  CheckHealthRequest,
  CheckHealthResponse_HealthStatus,
  DataFrameFormat,
  DataSourceInstanceSettings,
  PluginContext,
  QueryDataRequest,
} from './gen/pluginv2.ts';
export { PluginProcess, type ResourceResponse, startPlugin, type StartOptions } from './host.ts';
export { encodeJsonFrame } from './jsonFrame.ts';
export { type Logger, type LogLevel, stderrLogger } from './log.ts';
export * from './plugin.ts';
export { serve } from './serve.ts';
