// Who is signed in. undefined: not known yet; null: nobody.

import { createStore } from './store.js';

export const session = createStore(undefined);
