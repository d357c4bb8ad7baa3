/** A page as HTML: drawn, with its data for the browser beside it. The policy forbids inline scripts and styles. */
import { render } from 'preact-render-to-string';
import { App } from './App.tsx';
import type { PageData } from './App.tsx';
import type { Assets } from './assets.ts';
import { textsOf } from './texts/texts.ts';

/** Columns of a chart have thousands of numbers, which no page shows finer. Settings stay what they are. */
function rounded(this: unknown, _name: string, value: unknown): unknown {
  return typeof value === 'number' && Array.isArray(this) ? Math.round(value * 10) / 10 : value;
}

/** Nothing in it can end the script element that holds it. */
const inScript = (data: PageData): string => JSON.stringify(data, rounded).replaceAll('<', '\\u003c');

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

export function documentOf(data: PageData, assets: Assets): string {
  const { language, theme } = data.reader;
  return `<!doctype html>
<html lang="${language}" data-theme="${theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Balde">
<meta name="color-scheme" content="${theme === 'auto' ? 'light dark' : theme}">
<title>${escaped(titleOf(data))}</title>
<link rel="icon" href="${assets.icon.path}">
<link rel="stylesheet" href="${assets.style.path}">
<script type="module" src="${assets.script.path}"></script>
</head>
<body>
<div id="page">${render(<App data={data} />)}</div>
<script type="application/json" id="data">${inScript(data)}</script>
</body>
</html>
`;
}

function titleOf(data: PageData): string {
  const t = textsOf(data.reader.language);
  switch (data.page) {
    case 'overview':
      return `${t.overview} · Balde`;
    case 'bucket':
      return `${data.answer.bucket.endpoint_id} · Balde`;
    case 'alert':
      return `${data.answer.alert.severity}: ${data.answer.alert.endpoint_id} · Balde`;
    case 'whatIf':
      return `${t.whatIf} · Balde`;
    case 'login':
      return 'Balde';
    case 'problem':
      return `${data.problem.status} · Balde`;
  }
}
