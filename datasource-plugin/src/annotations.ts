import { type AnnotationQuery, type AnnotationSupport } from '@grafana/data';
import { AnnotationQueryEditor } from './components/AnnotationQueryEditor.tsx';
import { completeQuery, NEW_QUERIES } from './model.ts';
import { type ThroughlineQuery } from './types.ts';

/** Events as annotations; Grafana maps the frame's time, timeEnd, title, text and tags by their names. */
export const annotationSupport: AnnotationSupport<ThroughlineQuery> = {
  QueryEditor: AnnotationQueryEditor,
  getDefaultQuery: () => NEW_QUERIES.events,
  prepareQuery: ({ target }: AnnotationQuery<ThroughlineQuery>) => {
    if (!target) return { refId: 'Anno', ...NEW_QUERIES.events };
    return target.queryType ? completeQuery(target) : Object.assign({}, target, NEW_QUERIES.events);
  },
};
