export const APP_ID = 'throughline-app';
export const DATASOURCE_TYPE = 'throughline-datasource';
export const TOPOLOGY_PANEL = 'throughline-topology-panel';
export const WATERFALL_PANEL = 'throughline-waterfall-panel';
export const BASE_URL = `/a/${APP_ID}`;
