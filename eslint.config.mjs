// Few rules, all errors. All JavaScript of the repository, that of tests/ and of the page, is checked by this one file.

const node = Object.fromEntries(['process', 'console', 'Buffer', 'URL', 'URLSearchParams', 'setTimeout', 'clearTimeout', 'setInterval',
  'clearInterval', 'setImmediate', 'fetch', 'AbortController', 'AbortSignal', 'TextDecoder', 'TextEncoder', 'structuredClone', 'performance', 'Blob']
  .map((name) => [name, 'readonly']));
const browser = Object.fromEntries(['document', 'window', 'location', 'history', 'navigator', 'localStorage', 'sessionStorage', 'console', 'fetch',
  'EventSource', 'URL', 'URLSearchParams', 'AbortSignal', 'AbortController', 'ResizeObserver', 'Intl', 'Blob', 'FileReader', 'setTimeout',
  'clearTimeout', 'setInterval', 'clearInterval', 'requestAnimationFrame', 'cancelAnimationFrame', 'addEventListener', 'removeEventListener',
  'matchMedia', 'getComputedStyle', 'innerWidth', 'innerHeight', 'scrollTo', 'scrollY'].map((name) => [name, 'readonly']));

export default [
  { ignores: ['**/node_modules/**', 'build*/**', 'web/vendor/**', 'web/vendor.new/**', 'data/**'] },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module' },
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
  { files: ['tests/**', '*.mjs'], languageOptions: { globals: node } },
  { files: ['web/**'], languageOptions: { globals: browser } },
  // What a test lets the page do runs there, not in Node.js.
  { files: ['tests/e2e/browser/**', 'tests/e2e/harness/{browser,accessibility}.mjs', 'tests/web/**'], languageOptions: { globals: browser } },
  // A language is one object.
  { files: ['web/texts/*.js'], rules: { 'max-lines': 'off' } },
  {
    // A suite is one function that holds its tests; the tests inside are short.
    files: ['**/*.test.mjs'],
    rules: { 'max-lines-per-function': ['error', { max: 450 }], complexity: 'off' },
  },
];
