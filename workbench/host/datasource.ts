/** The one data source of the workbench. */
export const DATASOURCE_UID = 'throughline';
export const DATASOURCE_NAME = 'Throughline';
