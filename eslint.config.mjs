import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// tsc owns errors; every rule here is a warning and CI runs with --max-warnings=0.
export default tseslint.config(
  {
    ignores: [
      '**/node_modules/**',
      '.throughline/**',
      '**/dist/**',
      '**/gen/**',
      '**/*.gen.ts',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
      'workbench/demo/services/**',
    ],
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.base],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './tsconfig.web.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'warn',
      '@typescript-eslint/no-misused-promises': ['warn', { checksVoidReturn: false }],
      '@typescript-eslint/consistent-type-imports': ['warn', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'warn',
      '@typescript-eslint/no-unused-vars': ['warn', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/await-thenable': 'warn',
      'no-restricted-exports': ['warn', { restrictDefaultExports: { direct: true } }],
      eqeqeq: ['warn', 'always', { null: 'ignore' }],
      'prefer-const': 'warn',
    },
  },
  {
    files: ['**/*.tsx', 'libs/ui/**/*.ts', 'panels/**/*.ts', 'app-plugin/**/*.ts', 'datasource-plugin/src/**/*.ts'],
    plugins: { 'react-hooks': reactHooks },
    rules: { 'react-hooks/rules-of-hooks': 'warn', 'react-hooks/exhaustive-deps': 'warn' },
  },
  { files: ['*.config.ts'], rules: { 'no-restricted-exports': 'off' } }
);
