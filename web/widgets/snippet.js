import { html } from '../lib/ui.js';
import { CopyButton } from './button.js';

/** Some lines to copy. */
export function Snippet({ text, label }) {
  return html`<div class="snippet"><pre tabindex="0" role="group" aria-label=${label}>${text}</pre><${CopyButton} text=${text} /></div>`;
}
