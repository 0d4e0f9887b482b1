// Asking the server who is signed in.

import { api } from './api.js';
import { session } from './session.js';

export async function askWho() {
  const who = await api.get('admin/session');
  session.set(who.username ? who : null);
}
