// Charts: drawn on a canvas by uPlot, told in a sentence, and there as a table for whoever cannot see them.

import { html, useEffect, useMemo, useRef, useState } from '../lib/ui.js';
import { hourMinute, monthDay, number, shortTime } from '../lib/format.js';
import { language, t } from '../lib/i18n.js';
import { Failed } from './states.js';

const DAY_MS = 86_400_000;
const STEPS = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();  // Of an axis: what is counted has no halves.

let library = null;
const loadLibrary = () => { library ??= import('../vendor/uplot.js').then((module) => module.default); return library; };

const colourOf = (element, name) => getComputedStyle(element).getPropertyValue(`--${name}`).trim();
const faded = (colour, alpha) => `${colour}${alpha}`;  // Colours are #rrggbb; alpha is two hex digits.

/**
 * times: ms, ascending; series: [{ label, values, colour: name of a custom property, area? }]; stacked: they add up;
 * format(value): for axis and table; summary: what the chart says, in a sentence.
 */
export function Chart({ title, summary, times, series, stacked = false, format = number, height = 200 }) {
  const frame = useRef(null);
  const plot = useRef(null);
  const [failure, setFailure] = useState(null);
  const scheme = useScheme();
  const names = series.map(({ label, colour, area }) => [label, colour, area]);
  const shape = JSON.stringify([names, stacked, height, times.length, scheme, language.get()]);  // What the drawing must be made anew for.
  const data = useMemo(() => {
    const lines = stacked ? stack(series) : series.map(({ values }) => values);
    return [times.map((ms) => ms / 1000), ...lines];
  }, [times, series, stacked]);
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    let gone = false;
    let observer = null;
    loadLibrary().then((Plot) => {
      if (gone) return;
      const element = frame.current;
      const width = () => Math.max(200, element.clientWidth);
      const tick = times[times.length - 1] - times[0] > 2 * DAY_MS ? monthDay : hourMinute;
      plot.current = new Plot(options(element, { series, stacked, format, tick, height, width: width() }), latest.current, element);
      observer = new ResizeObserver(() => plot.current.setSize({ width: width(), height }));
      observer.observe(element);
    }).catch(setFailure);
    return () => {
      gone = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(data), [data]);

  return html`<figure class="chart" aria-label=${title}>
    ${failure ? html`<${Failed} error=${failure} />` : html`<div class="chart-canvas" ref=${frame} aria-hidden="true" />`}
    <figcaption><span class="muted">${summary}</span><${AsTable} ...${{ times, series, format, title }} /></figcaption>
  </figure>`;
}

function AsTable({ times, series, format, title }) {
  const [open, setOpen] = useState(false);
  return html`<details class="chart-table" onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>${t('chart.asTable')}</summary>
    ${open && html`<div class="scrolling" tabindex="0" role="group" aria-label=${title}><table><thead><tr><th scope="col">${t('chart.time')}</th>
      ${series.map(({ label }) => html`<th scope="col" class="numeric">${label}</th>`)}</tr></thead>
      <tbody>${times.map((time, i) => html`<tr><th scope="row">${shortTime(time)}</th>
        ${series.map(({ values }) => html`<td class="numeric">${format(values[i])}</td>`)}</tr>`)}</tbody></table></div>`}
  </details>`;
}

/** Each series with all before it added, the last one first: it is drawn behind the others. */
function stack(series) {
  const sums = series[0]?.values.map(() => 0) ?? [];
  const stacked = series.map(({ values }) => values.map((value, i) => (sums[i] += value ?? 0)));
  return stacked.reverse();
}

/** Where a value has no neighbours no line leads to it: it is drawn as a point. */
function lonely(plot, at) {
  const values = plot.data[at];
  const isThere = (i) => values[i] !== null && values[i] !== undefined;
  return [...values.keys()].filter((i) => isThere(i) && !isThere(i - 1) && !isThere(i + 1));
}

function options(element, { series, stacked, format, tick, height, width }) {
  const ink = colourOf(element, 'muted');
  const grid = { stroke: colourOf(element, 'line'), width: 1 };
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const drawn = stacked ? [...series].reverse() : series;
  const bands = stacked ? drawn.slice(1).map((_, i) => ({ series: [i + 1, i + 2] })) : [];  // Each is filled down to the next one only.
  return {
    width, height, bands,
    padding: [8, 24, 0, 0],  // On the right there is room for half a label.
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: { show: false }, font, size: 30, space: 70,
        values: (_plot, ticks) => ticks.map((second) => tick(second * 1000)) },
      { stroke: ink, grid, ticks: { show: false }, font, size: 56, space: 36, incrs: STEPS, values: (_plot, ticks) => ticks.map((value) => format(value)) },
    ],
    series: [
      { label: t('chart.time'), value: (_plot, second) => (second === null ? '–' : `${shortTime(second * 1000)}`) },
      ...drawn.map(({ label, colour, area }, i) => {
        const stroke = colourOf(element, colour);
        return { label, stroke, width: 1.5, fill: area || stacked ? faded(stroke, stacked ? '99' : '22') : undefined, points: { show: false, filter: lonely, fill: stroke },
          value: (_plot, _value, _series, at) => (at === null ? '–' : format(drawn[i].values[at])) };
      }),
    ],
  };
}

const dark = globalThis.matchMedia?.('(prefers-color-scheme: dark)');

function useScheme() {
  const [scheme, setScheme] = useState(dark?.matches);
  useEffect(() => {
    const changed = () => setScheme(dark.matches);
    dark.addEventListener('change', changed);
    return () => dark.removeEventListener('change', changed);
  }, []);
  return scheme;
}

/** A small line without axes, for the last minute of something. The number beside it says the same. */
export function Sparkline({ values, colour = 'accent', width = 120, height = 32 }) {
  const top = Math.max(1, ...values);
  const x = (i) => (i / Math.max(1, values.length - 1) * width).toFixed(1);
  const y = (value) => (height - 2 - value / top * (height - 4)).toFixed(1);
  const points = values.map((value, i) => `${x(i)},${y(value)}`);
  if (points.length < 2) return html`<svg class="sparkline" viewBox="0 0 ${width} ${height}" aria-hidden="true" />`;
  return html`<svg class="sparkline ${colour}" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">
    <polygon points="0,${height} ${points.join(' ')} ${width},${height}" /><polyline points=${points.join(' ')} /></svg>`;
}

