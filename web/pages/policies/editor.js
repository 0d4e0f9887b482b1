// The editor, loaded when it is first needed. Without it the text can still be edited: then it is a plain field.

import { t } from '../../lib/i18n.js';
import { html, useEffect, useRef, useState } from '../../lib/ui.js';
import { Loading } from '../../widgets/index.js';

let library = null;

function loadLibrary() {
  if (!document.querySelector('link[href$="editor.css"]')) {
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href: new URL('../../vendor/editor.css', import.meta.url).href });
    document.head.append(link);
  }
  library ??= import('../../vendor/editor.js').catch((error) => { library = null; throw error; });
  return library;
}

function mark(editor, line) {
  editor.container?.querySelectorAll('.wrong-line').forEach((element) => element.classList.remove('wrong-line'));
  const element = line && editor.lines?.[line];
  if (!element) return;
  element.classList.add('wrong-line');
  element.scrollIntoView({ block: 'center' });
}

const startOf = (text, line) => text.split('\n').slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);

/** `text` at first, and again when `version` changes; `onText` for each change; `wrongLine` is marked, and the cursor goes to `line`. */
export function Editor({ label, text, version, onText, onSave, wrongLine, line }) {
  const frame = useRef(null);
  const made = useRef(null);
  const latest = useRef({});
  latest.current = { onText, onSave };
  const [state, setState] = useState('loading');

  useEffect(() => {
    let gone = false;
    loadLibrary().then((it) => {
      if (gone) return;
      const editor = it.createEditor(frame.current, { language: 'lua', value: text, tabSize: 2, lineNumbers: true, insertSpaces: true,
        onUpdate: (value) => latest.current.onText(value) }, it.defaultCommands(), it.editHistory(), it.matchBrackets(), it.highlightBracketPairs());
      editor.textarea.setAttribute('aria-label', label);
      editor.textarea.addEventListener('keydown', (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') { event.preventDefault(); latest.current.onSave(); }
        if (event.key === 'Escape') it.setIgnoreTab(true);  // As editors on pages do: Esc, then Tab, leads out.
      });
      editor.textarea.addEventListener('focus', () => it.setIgnoreTab(false));
      made.current = editor;
      setState('ready');
      if (line) {
        const start = startOf(text, line);
        editor.textarea.setSelectionRange(start, start);
        mark(editor, line);
      }
    }, () => setState('plain'));
    return () => {
      gone = true;
      made.current?.remove();
      made.current = null;
    };
  }, []);

  useEffect(() => { if (made.current && made.current.value !== text) made.current.setOptions({ value: text }); }, [version]);
  useEffect(() => { if (made.current) mark(made.current, wrongLine); }, [wrongLine, state]);

  return html`<div class="editor">
    ${state === 'loading' && html`<${Loading} />`}
    ${state === 'plain' && html`<textarea class="editor-plain" aria-label=${label} spellcheck=${false}
      onInput=${(event) => onText(event.currentTarget.value)}>${text}</textarea>`}
    <div class="editor-frame" ref=${frame} hidden=${state !== 'ready'} />
    <p class="hint">${t('policies.editorHint')}</p></div>`;
}
