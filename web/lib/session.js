// Who is signed in. undefined: not known yet; null: nobody, or not any more; false: who was has signed out.

import { createStore } from './store.js';

export const session = createStore(undefined);
