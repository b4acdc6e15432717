import { type PanelProps, renderTextPanelMarkdown } from '@grafana/data';
import { RenderUserContentAsHTML } from '@grafana/ui';

export function TextPanel({ options, replaceVariables }: PanelProps<{ readonly content?: string }>) {
  const content = renderTextPanelMarkdown(replaceVariables(options.content ?? ''));
  return <RenderUserContentAsHTML className="markdown-html" content={content} />;
}
