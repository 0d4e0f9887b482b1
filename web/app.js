// The page's start: the language, who is signed in, and then the shell or the sign-in page.

import { startEvents } from './lib/events.js';
import { language, startLanguage, t } from './lib/i18n.js';
import { startScrolling } from './lib/scroll.js';
import { session } from './lib/session.js';
import { useStore } from './lib/store.js';
import { html, render, useEffect, useState } from './lib/ui.js';
import { askWho } from './lib/who.js';
import { Shell } from './shell.js';
import { SignIn } from './pages/sign_in.js';
import { Confirmation } from './widgets/dialog.js';
import { Failed, Loading } from './widgets/states.js';
import { Toasts } from './widgets/toast.js';

function App() {
  const who = useStore(session);
  const spoken = useStore(language);
  const [error, setError] = useState(null);
  const [wasIn, setWasIn] = useState(false);

  async function ask() {
    setError(null);
    try { await askWho(); } catch (failure) { setError(failure); }
  }
  useEffect(() => { ask(); }, []);
  useEffect(() => { if (who) setWasIn(true); else if (who === false) setWasIn(false); }, [who]);

  if (who === undefined) return html`<main class="lone">${error ? html`<${Failed} error=${error} retry=${ask} />` : html`<${Loading} />`}</main>`;
  // When a session ends the page stays behind the sign-in page, with all that was being written on it.
  const again = wasIn && who === null;
  return html`<div key=${spoken}>
    ${(who || again) && html`<div inert=${!who} hidden=${!who}><${Shell} /></div>`}
    ${!who && html`<${SignIn} again=${again} />`}
    <${Confirmation} /><${Toasts} />
  </div>`;
}

await startLanguage();
startEvents();
startScrolling();
addEventListener('unhandledrejection', (event) => { if (event.reason?.name === 'ApiError' && event.reason.status === 401) event.preventDefault(); });
document.title = t('common.pollux');
render(html`<${App} />`, document.getElementById('app'));
