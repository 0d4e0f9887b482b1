// Few rules, all errors. The JavaScript of tests/ and of the page in web/ is checked by this one file.

const node = Object.fromEntries(['process', 'console', 'Buffer', 'URL', 'URLSearchParams', 'setTimeout', 'clearTimeout', 'setInterval',
  'clearInterval', 'setImmediate', 'fetch', 'AbortController', 'AbortSignal', 'TextDecoder', 'TextEncoder', 'structuredClone', 'performance', 'Blob']
  .map((name) => [name, 'readonly']));

const browser = Object.fromEntries(['document', 'window', 'location', 'history', 'navigator', 'localStorage', 'console', 'fetch', 'EventSource',
  'URL', 'URLSearchParams', 'AbortSignal', 'AbortController', 'ResizeObserver', 'Intl', 'Blob', 'FileReader',
  'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'requestAnimationFrame', 'cancelAnimationFrame', 'addEventListener', 'removeEventListener', 'getComputedStyle']
  .map((name) => [name, 'readonly']));

export default [
  { ignores: ['**/node_modules/**', '**/web/vendor/**'] },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: node },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-undef': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      'no-unreachable': 'error',
      'no-dupe-keys': 'error',
      'no-dupe-else-if': 'error',
      'no-const-assign': 'error',
      'no-redeclare': 'error',
      'no-self-assign': 'error',
      'no-unsafe-finally': 'error',
      'no-fallthrough': 'error',
      'no-async-promise-executor': 'error',
      'no-promise-executor-return': 'off',
      'require-yield': 'error',
      'use-isnan': 'error',
      'valid-typeof': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: ['error', 'always'],
      curly: ['error', 'multi-line'],
      'no-shadow': 'error',
      'no-throw-literal': 'error',
      'max-lines': ['error', 500],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 18],
    },
  },
  {
    files: ['**/web/**/*.js'],
    languageOptions: { globals: { ...Object.fromEntries(Object.keys(node).map((name) => [name, 'off'])), ...browser } },
  },
  {
    // A language is one object.
    files: ['**/web/texts/*.js'],
    rules: { 'max-lines': 'off' },
  },
  {
    // A suite is one function that holds its tests; the tests inside are short.
    files: ['**/*.test.mjs'],
    rules: { 'max-lines-per-function': ['error', { max: 450 }], complexity: 'off' },
  },
];
