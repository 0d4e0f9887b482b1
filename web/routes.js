// Which page is where. A page is loaded when it is first gone to.

export const routes = [
  { pattern: '/', name: 'overview', load: () => import('./pages/overview.js') },
  { pattern: '/keys', name: 'keys', load: () => import('./pages/keys.js') },
  { pattern: '/keys/:id', name: 'keys', load: () => import('./pages/key.js') },
  { pattern: '/requests', name: 'requests', load: () => import('./pages/requests.js') },
  { pattern: '/requests/:id', name: 'requests', load: () => import('./pages/request.js') },
  { pattern: '/clients', name: 'clients', load: () => import('./pages/clients.js') },
  { pattern: '/models', name: 'models', load: () => import('./pages/models.js') },
  { pattern: '/policies', name: 'policies', load: () => import('./pages/policies.js') },
  { pattern: '/policies/*path', name: 'policies', load: () => import('./pages/policy.js') },
  { pattern: '/settings', name: 'settings', load: () => import('./pages/settings.js') },
];

/** The pages of the navigation, in its order; each has an icon and a text 'nav.NAME'. */
export const places = ['overview', 'keys', 'requests', 'clients', 'models', 'policies', 'settings'];
