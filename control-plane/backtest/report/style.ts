/** The look of a report: light and dark, on paper too. One constant, so that its hash is known. */

export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6577; --line: #d9dee7; --paper: #ffffff;
  --card: #f6f8fb; --load: #3b73c9; --loadfill: rgba(59,115,201,.18); --capacity: #14804a;
  --miss: #d3302f; --missfill: rgba(211,48,47,.75); --outage: rgba(120,110,140,.22); --kill: #b56a00;
  --desired: #8a4fbf; --ready: #14804a; --oracle: #8b95a5; --warn: #fff4dc; --warnink: #7a4d00;
  --good: #14804a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --soft: #9aa5b6; --line: #323a47;
  --paper: #12161d; --card: #1a2029; --load: #79a8f0; --loadfill: rgba(121,168,240,.2); --capacity: #4cc38a;
  --miss: #ff6b66; --missfill: rgba(255,107,102,.75); --outage: rgba(170,160,200,.24); --kill: #f0a742;
  --desired: #c59af0; --ready: #4cc38a; --oracle: #768194; --warn: #3a2d10; --warnink: #f3d08a;
  --good: #4cc38a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .15rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1.2rem 0 .3rem; }
p { margin: .35rem 0; max-width: 62rem; }
.soft { color: var(--soft); }
.heads { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .5rem; }
.heads li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem;
  font-size: 1.05rem; }
.heads b { font-weight: 650; }
.warn { background: var(--warn); color: var(--warnink); border-radius: 8px; padding: .5rem .9rem; margin: .8rem 0; }
.warn ul { margin: .2rem 0; padding-left: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .82rem; vertical-align: bottom; }
th:first-child, td:first-child, .left th, .left td { text-align: left; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
td.best { font-weight: 700; color: var(--good); }
tr.oracle td { color: var(--soft); font-style: italic; }
.chart { margin: .2rem 0 .8rem; min-height: 40px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; color: var(--soft); font-size: .85rem; }
.legend svg { width: 14px; height: 10px; margin-right: .35rem; vertical-align: middle; }
.two { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 2.2rem; }
@media (max-width: 60rem) { .two { grid-template-columns: minmax(0, 1fr); } }
.miss { border-left: 3px solid var(--miss); background: var(--card); border-radius: 0 8px 8px 0;
  padding: .45rem .8rem; margin: .55rem 0; }
.miss summary, .change summary { cursor: pointer; }
.chain { margin: .3rem 0 .2rem; padding-left: 1.3rem; font-size: .88rem; }
.chain li { margin: .15rem 0; }
.chain code { color: var(--soft); display: block; overflow-wrap: anywhere; }
code, pre { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; overflow: auto; max-height: 32rem; }
.bars td { padding: .15rem .5rem; border: 0; font-size: .88rem; }
.bars svg { display: block; width: 100%; height: 12px; min-width: 8rem; }
details > summary { color: inherit; }
.u-title, .u-legend { color: var(--ink); }
.u-legend { font-size: .82rem; text-align: left; }
.u-select { background: rgba(120,140,180,.2); }
.fill-load { fill: var(--load); } .fill-capacity { fill: var(--capacity); } .fill-miss { fill: var(--miss); }
.fill-outage { fill: var(--outage); } .fill-kill { fill: var(--kill); } .fill-desired { fill: var(--desired); }
.fill-ready { fill: var(--ready); } .fill-oracle { fill: var(--oracle); }
@media print { details { display: block; } }
`;
