import { type QueryType } from '@throughline/query';
import { type Props, QueryEditor } from '../QueryEditor.tsx';

/** What has rows with a time and a text. */
const TYPES: readonly QueryType[] = ['events', 'sql'];

export function AnnotationQueryEditor(props: Props) {
  return <QueryEditor {...props} types={TYPES} />;
}
