// Settings: all of them, by group, with where each value comes from.

import { api } from '../lib/api.js';
import { useEvent } from '../lib/events.js';
import { t } from '../lib/i18n.js';
import { useLoaded } from '../lib/load.js';
import { replaceQuery } from '../lib/router.js';
import { html, useState } from '../lib/ui.js';
import { Empty, Loaded, Page, SearchInput, Tabs } from '../widgets/index.js';
import { found, grouped, shownSettings } from './settings/model.js';
import { SettingsForm, groupTitle } from './settings/settings_form.js';
import { aboutOf } from './settings/setting_field.js';

const SHOWN = ['all', 'changed', 'changeable'];

export default function Settings({ query }) {
  const loaded = useLoaded(() => api.get('admin/settings'), []);
  const [inputs, setInputs] = useState({});
  useEvent('settings', loaded.reload);
  useEvent('policies', loaded.reload);
  const words = query.q ?? '';
  const shown = SHOWN.includes(query.show) ? query.show : 'all';
  const put = (change) => replaceQuery({ q: words, show: shown === 'all' ? '' : shown, ...change });
  return html`<${Page} title=${t('settings.title')} subtitle=${t('settings.subtitle')}>
    <${Loaded} from=${loaded}>${({ settings }) => {
      const matching = found(settings, words, aboutOf);
      const groups = grouped(shownSettings(matching, shown));
      const options = SHOWN.map((value) => ({ value, label: t(`settings.shown.${value}`), count: shownSettings(matching, value).length }));
      return html`<div class="filters"><${SearchInput} label=${t('settings.search')} value=${words} onInput=${(q) => put({ q })} />
          <${Tabs} label=${t('settings.shown.label')} options=${options} value=${shown}
            onChange=${(show) => put({ show: show === 'all' ? '' : show })} /></div>
        ${groups.map((group) => html`<${SettingsForm} key=${group.name} title=${groupTitle(group.name)} settings=${group.settings}
          inputs=${inputs} setInputs=${setInputs} onSaved=${loaded.set} />`)}
        ${!groups.length && html`<${Empty} icon="search" title=${t('table.empty')} />`}`;
    }}<//>
  <//>`;
}
