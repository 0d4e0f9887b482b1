// A throw-away certificate authority and the server certificates that a test may want to show.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HONEST_NAMES = 'DNS:localhost,IP:127.0.0.1,IP:::1';

/**
 * What each kind of certificate is: who signs it, whom it names, how long it holds.
 * Every kind but `good` must be refused by a client that trusts `ca.pem` alone.
 */
const KINDS = {
  good: { signer: 'ca', names: HONEST_NAMES, days: 2 },
  unknown_ca: { signer: 'stranger', names: HONEST_NAMES, days: 2 },
  wrong_host: { signer: 'ca', names: 'DNS:elsewhere.example', days: 2 },
  expired: { signer: 'ca', names: HONEST_NAMES, days: -1 },
};

function openssl(directory, ...words) {
  execFileSync('openssl', words, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function makeAuthority(directory, name) {
  openssl(directory, 'req', '-x509', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2',
    '-subj', `/O=Fake Gemini/CN=Throw-away CA (${name})`,
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
}

function makeServerCertificate(directory, { signer, names, days }) {
  writeFileSync(join(directory, 'server.ext'),
    `subjectAltName=${names}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n`);
  openssl(directory, 'req', ...NEW_KEY, '-keyout', 'server.key', '-out', 'server.csr',
    '-subj', `/O=Fake Gemini/CN=${names.split(',')[0].slice('DNS:'.length)}`);
  openssl(directory, 'x509', '-req', '-in', 'server.csr', '-CA', `${signer}.pem`, '-CAkey', `${signer}.key`,
    '-CAcreateserial', '-days', String(days), '-sha256', '-extfile', 'server.ext', '-out', 'server.pem');
}

/**
 * Makes the certificates in a directory of their own.
 * `caFile` is what a client should trust; `remove()` deletes all of it.
 */
export function makeCertificates(kind = 'good') {
  if (!KINDS[kind]) throw new Error(`certificate: found "${kind}", expected one of ${Object.keys(KINDS).join(', ')}`);
  const directory = mkdtempSync(join(tmpdir(), 'fake-gemini-ca-'));
  makeAuthority(directory, 'ca');
  if (KINDS[kind].signer !== 'ca') makeAuthority(directory, KINDS[kind].signer);
  makeServerCertificate(directory, KINDS[kind]);
  return {
    caFile: join(directory, 'ca.pem'),
    key: readFileSync(join(directory, 'server.key')),
    cert: readFileSync(join(directory, 'server.pem')),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
