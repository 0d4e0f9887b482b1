// Clients as an owner makes them.

import assert from 'node:assert/strict';

/** Makes one; what the administration answers, with its token. `given`: its name, or its properties. */
export async function makeClient(pollux, given) {
  const answer = await pollux.admin('/admin/clients', { method: 'POST', body: typeof given === 'string' ? { name: given } : given });
  assert.equal(answer.status, 201, answer.text);
  return answer.json();
}

export async function changeClient(pollux, { id }, changes) {
  const answer = await pollux.admin(`/admin/clients/${id}`, { method: 'PATCH', body: changes });
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}

export async function readClient(pollux, { id }) {
  const answer = await pollux.admin(`/admin/clients/${id}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}

/** Of a refusal in Google's shape: status, word, message. */
export const refusalOf = (answer) => [answer.status, answer.header('x-pollux-error'), answer.json().error.message];
