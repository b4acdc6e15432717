/** What each macro stands for; the backend expands them, for alert rules too. A test holds the list against the backend's. */
export interface MacroHelp {
  readonly name: string;
  /** A snippet of Monaco: tab stops as `${1:Time}`. */
  readonly snippet: string;
  readonly doc: string;
}

export const MACROS: readonly MacroHelp[] = [
  { name: '$__timeFilter', snippet: '\\$__timeFilter(${1:Time})', doc: 'Column within the time range, in seconds.' },
  {
    name: '$__timeFilter_ms',
    snippet: '\\$__timeFilter_ms(${1:Timestamp})',
    doc: 'Column within the time range, in milliseconds: for DateTime64.',
  },
  { name: '$__dateFilter', snippet: '\\$__dateFilter(${1:Date})', doc: 'Date column within the time range.' },
  {
    name: '$__dateTimeFilter',
    snippet: '\\$__dateTimeFilter(${1:Date}, ${2:Time})',
    doc: 'Date column and time column within the time range.',
  },
  { name: '$__fromTime', snippet: '\\$__fromTime', doc: 'Start of the time range, a DateTime.' },
  { name: '$__toTime', snippet: '\\$__toTime', doc: 'End of the time range, a DateTime.' },
  { name: '$__fromTime_ms', snippet: '\\$__fromTime_ms', doc: 'Start of the time range, a DateTime64(3).' },
  { name: '$__toTime_ms', snippet: '\\$__toTime_ms', doc: 'End of the time range, a DateTime64(3).' },
  {
    name: '$__timeInterval',
    snippet: '\\$__timeInterval(${1:Time})',
    doc: 'Column rounded down to the interval of one point: group by it.',
  },
  {
    name: '$__timeInterval_ms',
    snippet: '\\$__timeInterval_ms(${1:Timestamp})',
    doc: 'As $__timeInterval, in milliseconds.',
  },
  { name: '$__interval', snippet: '\\$__interval', doc: 'Interval of one point, as "60s".' },
  { name: '$__interval_s', snippet: '\\$__interval_s', doc: 'Interval of one point in seconds.' },
  { name: '$__interval_ms', snippet: '\\$__interval_ms', doc: 'Interval of one point in milliseconds.' },
  { name: '$__range_s', snippet: '\\$__range_s', doc: 'Length of the time range in seconds.' },
  {
    name: '$__conditionalAll',
    snippet: '\\$__conditionalAll(${1:condition}, \\$${2:variable})',
    doc: 'The condition, or 1=1 where the variable is set to All.',
  },
];
