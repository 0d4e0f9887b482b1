// The filters above the request log, and those that are set in words.

import { dateTime } from '../../lib/format.js';
import { hasText, t } from '../../lib/i18n.js';
import { html, useEffect, useMemo, useState } from '../../lib/ui.js';
import { useDebounced } from '../../lib/load.js';
import { Field, Icon, SearchInput, Select, TextInput } from '../../widgets/index.js';
import { localTimeOf } from '../clients/form.js';
import { FILTERS, withFilter } from './filters.js';

const STATUSES = ['ok', 'error', '2xx', '4xx', '5xx', '400', '401', '403', '404', '429', '500', '502', '503', '504'];
const AGES = ['15m', '1h', '24h', '7d'];
const DIALECTS = ['gemini', 'openai', 'anthropic'];

const worded = (group, value) => (hasText(`requests.${group}.${value}`) ? t(`requests.${group}.${value}`) : value);
const withAll = (values, label) => [{ value: '', label: t('requests.filter.any') }, ...values.map((value) => ({ value, label: label(value) }))];

/** A value of a filter as people read it. Names of keys and clients are learned from the rows that are there. */
export function valueInWords(name, value, rows = []) {
  if (name === 'status') return worded('status', value);
  if (name === 'since' && AGES.includes(value)) return worded('age', value);
  if ((name === 'since' || name === 'until') && !Number.isNaN(Date.parse(value))) return dateTime(value);
  if (name === 'key') return rows.find((row) => row.key_id === value)?.key ?? value;
  if (name === 'client') return rows.find((row) => row.client_id === value)?.client ?? value;
  return value;
}

function pairInWords(filters, name, rows) {
  const isAge = name === 'since' && AGES.includes(filters.since);
  return t('requests.filter.pair', { name: t(`requests.filter.${isAge ? 'time' : name}`), value: valueInWords(name, filters[name], rows) });
}

/** "Status: errors; client: phone" */
export const filtersInWords = (filters, rows) => FILTERS.filter((name) => filters[name])
  .map((name) => pairInWords(filters, name, rows)).join(t('requests.filter.separator'));

// What is typed becomes a filter once the hand rests; what the address says meanwhile wins.
function Typed({ filters, name, onChange, as = TextInput, label, ...rest }) {
  const [text, setText] = useState(filters[name] ?? '');
  const settled = useDebounced(text, 300);
  useEffect(() => setText(filters[name] ?? ''), [filters[name]]);
  useEffect(() => { if (settled === text && settled.trim() !== (filters[name] ?? '')) onChange(withFilter(filters, name, settled)); }, [settled]);
  return html`<${as} label=${label} value=${text} onInput=${setText} autocomplete="off" spellcheck=${false} ...${rest} />`;
}

const valuesOf = (rows, ...names) => [...new Set(rows.flatMap((row) => names.map((name) => row[name])).filter(Boolean))].sort();

function Choices({ filters, name, rows, from, onChange }) {
  const options = useMemo(() => valuesOf(rows, ...from), [rows]);
  return html`<${Typed} ...${{ filters, name, onChange }} label=${t(`requests.filter.${name}`)} list="filter-${name}" />
    <datalist id="filter-${name}">${options.map((value) => html`<option value=${value} />`)}</datalist>`;
}

/** One of a few; a value of the address that is none of them is offered, too. */
function Choice({ filters, name, values, onChange }) {
  const value = filters[name] ?? '';
  const options = withAll(value && !values.includes(value) ? [...values, value] : values, (each) => worded(name, each));
  return html`<${Select} label=${t(`requests.filter.${name}`)} value=${value} options=${options}
    onChange=${(chosen) => onChange(withFilter(filters, name, chosen))} />`;
}

function TimeInput({ filters, name, onChange }) {
  const put = (event) => {
    const { value } = event.currentTarget;
    onChange(withFilter(filters, name, value && new Date(value).toISOString()));
  };
  return html`<${Field} label=${t(`requests.filter.${name}`)}>
    ${(attributes) => html`<input type="datetime-local" value=${AGES.includes(filters[name]) ? '' : localTimeOf(filters[name])} onChange=${put}
      ...${attributes} />`}<//>`;
}

function Span({ filters, onChange }) {
  const isOwn = Boolean(filters.until) || (filters.since && !AGES.includes(filters.since));
  const [own, setOwn] = useState(isOwn);
  useEffect(() => { if (isOwn) setOwn(true); }, [isOwn]);
  const choose = (value) => {
    setOwn(value === 'own');
    if (value !== 'own') onChange(withFilter(withFilter(filters, 'until', ''), 'since', value));
  };
  const options = [...withAll(AGES, (age) => worded('age', age)), { value: 'own', label: t('requests.age.own') }];
  return html`<${Select} label=${t('requests.filter.time')} value=${own ? 'own' : filters.since ?? ''} options=${options} onChange=${choose} />
    ${own && html`<${TimeInput} ...${{ filters, onChange }} name="since" /><${TimeInput} ...${{ filters, onChange }} name="until" />`}`;
}

export function FilterBar({ filters, rows, onChange }) {
  const count = Object.keys(filters).filter((name) => name !== 'q').length;
  return html`<div class="filter-bar">
    <${Typed} ...${{ filters, onChange }} name="q" as=${SearchInput} label=${t('requests.filter.words')} />
    <details class="filter-more" open=${globalThis.innerWidth >= 900}>
      <summary>${t('requests.filter.title')}${count > 0 && html` <b>${count}</b>`}</summary>
      <div class="filter-fields">
        <${Choice} name="status" values=${STATUSES} filters=${filters} onChange=${onChange} />
        <${Choices} ...${{ filters, rows, onChange }} name="model" from=${['model', 'upstream_model']} />
        <${Choices} ...${{ filters, rows, onChange }} name="client" from=${['client']} />
        <${Choices} ...${{ filters, rows, onChange }} name="key" from=${['key']} />
        <${Choice} name="dialect" values=${DIALECTS} filters=${filters} onChange=${onChange} />
        <${Span} ...${{ filters, onChange }} />
      </div>
    </details>
  </div>`;
}

export function FilterChips({ filters, rows, onChange }) {
  const set = FILTERS.filter((name) => filters[name]);
  if (!set.length) return null;
  return html`<ul class="filter-chips" aria-label=${t('requests.filter.set')}>
    ${set.map((name) => {
      const words = pairInWords(filters, name, rows);
      return html`<li key=${name}><button type="button" class="chip" title=${t('requests.filter.drop')}
        aria-label=${t('requests.filter.dropOne', { filter: words })}
        onClick=${() => onChange(withFilter(filters, name, ''))}>${words}<${Icon} name="close" size=${14} /></button></li>`;
    })}
    <li><button type="button" class="chip quiet" onClick=${() => onChange({})}>${t('requests.filter.dropAll')}</button></li>
  </ul>`;
}
