// Signing in: instead of the page at first, in front of it when a session has ended.

import { api } from '../lib/api.js';
import { countdown } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib/ui.js';
import { askWho } from '../lib/who.js';
import { useNow } from '../lib/clock.js';
import { Brand, LanguageSwitch } from '../shell.js';
import { Button } from '../widgets/button.js';
import { TextInput } from '../widgets/fields.js';
import { Notice } from '../widgets/states.js';

/** `again`: in front of a page that may have dialogs open, so it is one itself, above them. */
export function SignIn({ again }) {
  return again ? html`<${Cover}><${SignInForm} again /><//>` : html`<${SignInForm} />`;
}

function Cover({ children }) {
  const dialog = useRef(null);
  const shown = useRef(true);
  useLayoutEffect(() => {
    dialog.current.showModal();
    return () => { shown.current = false; };
  }, []);
  const stay = (event) => event.preventDefault();
  const reopen = () => { if (shown.current) dialog.current.showModal(); };
  return html`<dialog class="cover" ref=${dialog} aria-label=${t('signIn.title')} onCancel=${stay} onClose=${reopen}>${children}</dialog>`;
}

function SignInForm({ again }) {
  const [username, setUsername] = useState(() => localStorageText('pollux.username') || 'admin');
  const [password, setPassword] = useState('');
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const now = useNow(true);
  const left = failure?.until ? failure.until - now : 0;

  useEffect(() => focusPassword(), []);
  useEffect(() => { document.title = `${t('signIn.title')} · Pollux`; }, []);

  async function submit(event) {
    event.preventDefault();
    if (busy || left > 0) return;
    setBusy(true);
    try {
      await api.post('admin/login', { username, password });
      remember('pollux.username', username);
      await askWho();
    } catch (error) {
      setFailure({ ...told(error), until: error.status === 429 ? Date.now() + (error.retryAfter ?? 5) * 1000 : null });
      setPassword('');
      focusPassword();
    }
    setBusy(false);
  }

  const words = failure && (failure.until ? left > 0 && t('signIn.throttled', { time: countdown(left) }) : failure.message);
  return html`<main class="sign-in"><div><div class="sign-in-card">
    <${Brand} />
    <h1>${t('signIn.title')}</h1>
    ${again && html`<p class="muted">${t('signIn.again')}</p>`}
    <form onSubmit=${submit}>
      <div role="alert">${words && html`<${Notice} kind="bad">${words}<//>`}</div>
      <${TextInput} label=${t('signIn.username')} name="username" autocomplete="username" autocapitalize="none" spellcheck="false"
        value=${username} onInput=${setUsername} required />
      <${TextInput} label=${t('signIn.password')} hint=${t('signIn.passwordHint')} type="password" name="password"
        autocomplete="current-password" value=${password} onInput=${setPassword} required autofocus />
      <${Button} type="submit" kind="main" busy=${busy} disabled=${left > 0}>${t('signIn.submit')}<//>
    </form>
    <p class="hint sign-in-hint">${t('signIn.forgotten')}</p>
  </div><div class="sign-in-foot"><${LanguageSwitch} /></div></div></main>`;
}

const focusPassword = () => document.querySelector('.sign-in input[type=password]')?.focus();

const told = (error) => ({ message: error.status === 401 ? t('signIn.wrong') : error.message });

function localStorageText(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function remember(name, value) {
  try { localStorage.setItem(name, value); } catch { /* Storage is off. */ }
}
