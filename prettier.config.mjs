export default {
  printWidth: 120,
  singleQuote: true,
  trailingComma: 'es5',
  overrides: [{ files: '*.md', options: { proseWrap: 'preserve' } }],
};
