// Line icons, drawn on a grid of 24 and coloured by the text around them.

import { html } from '../lib/ui.js';

const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM14 8h6V4h-6zM4 20h6v-4H4z',
  keys: 'M14.5 9.5a5 5 0 1 1-3.6-4.8 5 5 0 0 1 3.6 4.8zM13.5 12.5 21 20M17 16l2-2',
  requests: 'M4 7h12M12 3l4 4-4 4M20 17H8M12 13l-4 4 4 4',
  clients: 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21a7 7 0 0 1 14 0M16 3.5a4 4 0 0 1 0 7M18.5 14.5A7 7 0 0 1 22 21',
  models: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
  policies: 'M6 3h9l4 4v14H6zM14 3v5h5M9 13h6M9 17h4',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4v6M8 14v6',
  plus: 'M12 5v14M5 12h14',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5',
  close: 'M6 6l12 12M18 6L6 18',
  menu: 'M4 6h16M4 12h16M4 18h16',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  check: 'M5 12.5l5 5L19 7',
  back: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  up: 'M6 15l6-6 6 6',
  down: 'M6 9l6 6 6-6',
  out: 'M14 4H5v16h9M10 12h11M17 8l4 4-4 4',
  warning: 'M12 4l9.5 16h-19zM12 10v4M12 17v.5',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.5V8',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l11 7-11 7z',
  refresh: 'M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6',
  tag: 'M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01',
  edit: 'M4 20h4L20 8l-4-4L4 16zM13 7l4 4',
  file: 'M6 3h9l4 4v14H6zM14 3v5h5',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  language: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9S9 6 12 3z',
};

export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
