// What stands around every page: navigation, the state of the live feed, language, sign-out.

import { api } from './lib/api.js';
import { feedState, useEvent } from './lib/events.js';
import { number } from './lib/format.js';
import { language, languages, switchLanguage, t } from './lib/i18n.js';
import { match, usePlace } from './lib/router.js';
import { session } from './lib/session.js';
import { useStore } from './lib/store.js';
import { html, useEffect, useErrorBoundary, useRef, useState } from './lib/ui.js';
import { places, routes } from './routes.js';
import { Button } from './widgets/button.js';
import { Icon } from './widgets/icon.js';
import { Page } from './widgets/page.js';
import { Failed, Loading, Notice } from './widgets/states.js';

export function Shell() {
  const place = usePlace();
  const found = match(routes, place.segments);
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${skip}>${t('shell.skip')}</a>
    <aside class="sidebar"><${Brand} /><${Navigation} current=${found?.route.name} /></aside>
    <header class="topbar"><${Drawer} current=${found?.route.name} place=${place.path} />
      <${LiveRate} /><${FeedState} /><${LanguageSwitch} /><${SignOut} /></header>
    <main id="main" class="content" tabindex="-1"><${Lost} />
      <${Outlet} key=${place.path} route=${found?.route} params=${found?.params} query=${place.query} /></main>
  </div>`;
}

function skip(event) {
  event.preventDefault();  // The address belongs to the router.
  document.getElementById('main').focus();
}

export function Brand() {
  return html`<a class="brand" href="#/" aria-label="Pollux"><img src="web/icon.svg" alt="" width="28" height="28" /><span>Pollux</span></a>`;
}

function Navigation({ current }) {
  return html`<nav aria-label=${t('shell.navigation')}><ul class="nav">
    ${places.map((name) => html`<li key=${name}>
      <a href=${name === 'overview' ? '#/' : `#/${name}`} aria-current=${name === current ? 'page' : undefined}>
        <${Icon} name=${name} size=${20} />${t(`nav.${name}`)}</a></li>`)}
  </ul></nav>`;
}

// On narrow screens the navigation is a dialog at the side.
function Drawer({ current, place }) {
  const dialog = useRef(null);
  const open = () => dialog.current.showModal();
  const close = () => dialog.current.close();
  useEffect(close, [place]);
  const outside = (event) => { if (event.target === dialog.current) close(); };
  const chosen = (event) => { if (event.target.closest('a')) close(); };
  return html`<${Button} kind="quiet drawer-button" icon="menu" label=${t('shell.menu')} onClick=${open} />
    <span class="topbar-brand"><${Brand} /></span>
    <dialog class="drawer" ref=${dialog} aria-label=${t('shell.navigation')} onMouseDown=${outside} onClick=${chosen}>
      <div class="drawer-inside"><${Brand} /><${Navigation} current=${current} /></div></dialog>`;
}

function LiveRate() {
  const [traffic, setTraffic] = useState(null);
  useEvent('traffic', setTraffic);
  const words = traffic && t('shell.rate', { rate: number(traffic.requests_per_second, 1), running: traffic.in_flight });
  return html`<span class="live-rate">${words}</span>`;
}

function FeedState() {
  const state = useStore(feedState);
  return html`<span class="feed ${state}" role="status" title=${t(`feed.${state}About`)}>
    <span class="mark" aria-hidden="true" />${t(`feed.${state}`)}</span>`;
}

export function LanguageSwitch() {
  const spoken = useStore(language);
  return html`<label class="language"><${Icon} name="language" /><span class="unseen">${t('shell.language')}</span>
    <select value=${spoken} onChange=${(event) => switchLanguage(event.currentTarget.value)}>
      ${languages.map(({ code, name }) => html`<option value=${code} lang=${code} selected=${code === spoken}>${name}</option>`)}</select></label>`;
}

function SignOut() {
  const leave = async () => {
    await api.post('admin/logout');
    session.set(false);
  };
  return html`<${Button} kind="quiet" icon="out" label=${t('shell.signOut')} onClick=${leave} />`;
}

/** Said only if it lasts: a short break of the feed is no news. */
function Lost() {
  const state = useStore(feedState);
  const [long, setLong] = useState(false);
  useEffect(() => {
    if (state !== 'reconnecting') return setLong(false);
    const timer = setTimeout(() => setLong(true), 3000);
    return () => clearTimeout(timer);
  }, [state]);
  return long && html`<div role="alert"><${Notice} kind="bad">${t('shell.lost')}<//></div>`;
}

function Outlet({ route, params, query }) {
  const [page, setPage] = useState(null);
  const [failure, setFailure] = useState(null);
  const [broken] = useErrorBoundary((error) => console.error(error));
  const isAway = useStore(feedState) === 'reconnecting';
  const load = () => {
    setFailure(null);
    route?.load().then((module) => setPage(() => module.default), setFailure);
  };
  useEffect(load, [route]);
  // What could not be fetched while Pollux was away is there again.
  useEvent('hello', () => { if (failure) location.reload(); });
  if (!route) return html`<${Page} title=${t('shell.nowhere')}><a href="#/">${t('nav.overview')}</a><//>`;
  const wrong = broken ? t('errors.broken', { message: String(broken.message ?? broken) }) : failure && t(isAway ? 'errors.unreachable' : 'errors.page');
  // While Pollux is away, to reload would lead to the browser's own page.
  if (wrong) return html`<${Failed} error=${new Error(wrong)} retry=${!isAway && (() => location.reload())} />`;
  if (!page) return html`<${Loading} />`;
  return html`<${page} params=${params} query=${query} />`;
}
