// Asking Google about one key.

import { api } from '../../lib/api.js';
import { t } from '../../lib/i18n.js';

/** { well: true, false, or null where nothing could be found out; words }. */
export async function checkKey(id) {
  const { well, message } = await api.post(`admin/keys/${id}/check`);
  const finding = well ? 'well' : well === false ? 'refused' : 'unknown';
  return { well, words: t(`keys.found.${finding}`, { message }) };
}
