import { DataSourcePlugin } from '@grafana/data';
import { ConfigEditor } from './ConfigEditor.tsx';
import { QueryEditor } from './QueryEditor.tsx';
import { QueryEditorHelp } from './QueryEditorHelp.tsx';
import { DataSource } from './DataSource.ts';
import { type ThroughlineOptions, type ThroughlineQuery, type ThroughlineSecrets } from './types.ts';

export const plugin = new DataSourcePlugin<DataSource, ThroughlineQuery, ThroughlineOptions, ThroughlineSecrets>(
  DataSource
)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor)
  .setQueryEditorHelp(QueryEditorHelp);
