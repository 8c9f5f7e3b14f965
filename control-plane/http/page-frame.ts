/**
 * The frame of the pages for people: head, style, and the headers under which they are safe to show.
 * A page is whole in itself: no script, font, image or request.
 */

import { createHash } from 'node:crypto';

import { Markup, markup } from './markup.ts';
import { HTML, VARY_ACCEPT } from './media-type.ts';
import type { Reply } from './route.ts';

/** Light and dark; every colour of text is 4.5 : 1 or more on what it stands on. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #566072; --line: #d5dbe4; --paper: #ffffff;
  --card: #f5f7fa; --out: #0b6b3a; --in: #1a5bb0; --hold: #7a4d00; --stay: #b9c2cf; --link: #1a5bb0;
  --bad: #a8201a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --soft: #a3adbd; --line: #363f4d;
  --paper: #12161d; --card: #1b212b; --out: #4cc38a; --in: #7fb2f5; --hold: #f0b95a; --stay: #4a5565;
  --link: #8dbaf7; --bad: #ff8a84; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1.25rem 3rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; margin-bottom: 1rem; }
nav b { font-weight: 650; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: .8rem; margin: 0 0 .3rem; color: var(--soft); text-transform: uppercase; letter-spacing: .04em; }
p { margin: .3rem 0; max-width: 60rem; }
ul { margin: .2rem 0; padding-left: 1.2rem; }
.soft { color: var(--soft); }
.out { color: var(--out); } .in { color: var(--in); } .hold { color: var(--hold); } .bad { color: var(--bad); }
.hero { border-left: 6px solid currentColor; padding: .1rem 0 .1rem 1rem; }
.hero p { color: var(--ink); font-size: 1.05rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; overflow-wrap: anywhere; }
.card b { font-weight: 650; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .5rem 1.2rem; margin: .5rem 0; }
dt { color: var(--soft); font-size: .82rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .3rem; }
th, td { padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: .82rem; font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; }
th.signal { min-width: 17rem; }
.n { text-align: right; white-space: nowrap; }
.nowrap { white-space: nowrap; }
tr.quiet th, tr.quiet td { color: var(--soft); font-weight: 400; }
tr.sum th, tr.sum td { border-bottom: 0; border-top: 2px solid var(--ink); font-weight: 700; }
tr.mark { background: var(--card); }
.tag { border: 1px solid currentColor; border-radius: 4px; padding: 0 .35rem; font-size: .78rem; font-weight: 650; white-space: nowrap; }
code { font: 12.5px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
td.bar { width: 34%; min-width: 9rem; padding-right: 1rem; }
.bar svg { display: block; width: 100%; height: 1.2rem; margin-top: .1rem; }
.f-stay { fill: var(--stay); } .f-out { fill: var(--out); } .f-in { fill: var(--in); } .f-hold { fill: var(--hold); }
.f-line { fill: var(--ink); } .f-track { fill: var(--card); }
td.why { min-width: 12rem; }
@media (max-width: 40rem) { th.nowrap { white-space: normal; } td.bar { min-width: 6rem; } th.signal { min-width: 10rem; } }
@media print { nav { display: none; } body { max-width: none; padding: 0; font-size: 11px; }
  .cards, table, .hero { break-inside: avoid; } svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;

const STYLE_HASH = createHash('sha256').update(PAGE_STYLE).digest('base64');

/** It may load nothing, send nothing, and be framed by nobody. */
export const FRAME_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** A whole page. */
export function framed(title: string, body: Markup): string {
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head>
<body>
${body}
</body></html>
`.text;
}

const STYLE = Markup.ofTrusted(PAGE_STYLE);

export function htmlReply(page: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status: 200,
    body: { kind: 'text', contentType: `${HTML}; charset=utf-8`, text: page },
    headers: { ...headers, ...FRAME_HEADERS, ...VARY_ACCEPT },
  };
}
