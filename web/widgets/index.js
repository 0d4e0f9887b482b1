// All widgets by one name: import { Button, Page, Table } from '../widgets/index.js';

export { Badge, Bar, StatusBadge, Tag, Tags } from './badge.js';
export { Button, CopyButton, LinkButton, copyText } from './button.js';
export { ChipsInput } from './chips.js';
export { Chart, Sparkline } from './chart.js';
export { Dialog, confirmed } from './dialog.js';
export { Field, NumberInput, SearchInput, Select, Switch, TextArea, TextInput, tagsOf } from './fields.js';
export { Icon } from './icon.js';
export { Card, Facts, Figure, Page } from './page.js';
export { Snippet } from './snippet.js';
export { Empty, Failed, Loaded, Loading, Notice } from './states.js';
export { Heads, Table } from './table.js';
export { Tabs } from './tabs.js';
export { Countdown, Time } from './time.js';
export { toast, toastError } from './toast.js';
