// The one place that names the library behind the page: Preact, with htm's tagged templates in place of a compiler.

export { html, render, createContext, useContext, useState, useReducer, useEffect, useLayoutEffect, useRef, useMemo, useCallback,
  useErrorBoundary, useId } from '../vendor/preact.js';
