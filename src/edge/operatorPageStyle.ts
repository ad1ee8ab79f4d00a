/** Every state has a word and a shape beside its colour; the colours meet 4.5:1 on both grounds. */
export const operatorPageStyle = String.raw`
:root {
  color-scheme: light dark;
  --ground: #f3f5f6; --surface: #ffffff; --ink: #1b2329; --muted: #56626c; --line: #d9dfe3;
  --faint: #eef1f3; --accent: #1c5d8a; --accent-fill: #1c5d8a1f;
  --good: #1a6647; --good-fill: #1a664714; --warn: #7d5200; --warn-fill: #c98a0024;
  --bad: #a3262d; --bad-fill: #a3262d17;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161a; --surface: #191f24; --ink: #e2e7ea; --muted: #9ba7b0; --line: #2d363d;
    --faint: #20272d; --accent: #84bbe2; --accent-fill: #84bbe22b;
    --good: #7cc8a4; --good-fill: #7cc8a41c; --warn: #e2b662; --warn-fill: #e2b66222;
    --bad: #f2959a; --bad-fill: #f2959a22;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4rem; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, ol, ul, dl, dd { margin: 0; padding: 0; }
ol, ul { list-style: none; }
h1 { font-size: 1.15rem; font-weight: 650; letter-spacing: .01em; }
h1 span { font-weight: 400; color: var(--muted); }
h2 { font-size: .95rem; font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
tr:focus-visible { outline-offset: -2px; }
main:focus { outline: none; }
.vh:not(:focus) {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.skip {
  position: fixed; top: .5rem; left: .5rem; z-index: 9; padding: .5rem .9rem;
  background: var(--accent); color: var(--surface); border-radius: 4px;
}
.mono { font-family: var(--mono); font-size: .92em; }
.muted { color: var(--muted); }
.num { text-align: right; white-space: nowrap; }
button {
  font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--muted);
  border-radius: 4px; min-height: 2rem; padding: .15rem .75rem; cursor: pointer; white-space: nowrap;
}
button:hover { background: var(--faint); }
button[aria-pressed=true] { background: var(--accent-fill); border-color: var(--accent); }
button[aria-disabled=true] { opacity: .5; cursor: default; }
button.approve { color: var(--good); border-color: var(--good); }
button.reject { color: var(--bad); border-color: var(--bad); }
button.link {
  border: 0; background: none; padding: 0; min-height: 1.5rem; color: var(--accent); text-align: left;
  text-decoration: underline; text-underline-offset: 2px;
}

header.top {
  position: sticky; top: 0; z-index: 3; background: var(--surface);
  border-bottom: 1px solid var(--line);
}
.bar {
  max-width: 1640px; margin: 0 auto; padding: .55rem 1rem;
  display: flex; align-items: center; gap: .4rem 1rem; flex-wrap: wrap;
}
.bar h1 { margin-right: auto; }
@media (max-width: 480px) { .bar { column-gap: .6rem; } }
#link { display: flex; align-items: center; gap: .45rem; }
#link .dot { width: .6rem; height: .6rem; border-radius: 50%; background: var(--good); }
#link[data-tone=muted] .dot { background: var(--muted); }
#link[data-tone=bad] .dot { background: var(--bad); border-radius: 0; }
#banner, #health { background: var(--bad-fill); border-top: 1px solid var(--bad); color: var(--bad); }
#banner p, #health p { max-width: 1640px; margin: 0 auto; padding: .5rem 1rem; font-weight: 600; }
#banner span, #health span { font-weight: 400; }
[hidden] { display: none !important; }

main { max-width: 1640px; margin: 0 auto; padding: 1rem; display: grid; gap: 1rem; }
body.stale main > *, body.stale #jump { filter: grayscale(1); opacity: .55; }
body.empty main > * { opacity: .55; }
#jump {
  max-width: 1640px; margin: 0 auto; padding: .75rem 1rem 0;
  display: flex; flex-wrap: wrap; gap: .35rem 1.4rem;
}
#jump a { color: var(--ink); text-decoration-color: var(--line); text-underline-offset: 4px; }
#jump a:hover { text-decoration-color: currentColor; }
#jump b { font-weight: 650; }
#jump [data-tone=warn] b { color: var(--warn); }
#jump [data-tone=bad] b { color: var(--bad); }
#jump [data-tone=good] b { color: var(--good); }

.panel, .tile {
  background: var(--surface); border: 1px solid var(--line); border-radius: 6px; min-width: 0;
}
.tiles { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.tile { padding: .75rem 1rem; }
.tile h2 { color: var(--muted); font-weight: 500; font-size: .88rem; }
.figure { font-size: 1.6rem; line-height: 1.25; font-weight: 600; letter-spacing: -.01em; }
.figure small { font-size: .85rem; font-weight: 400; color: var(--muted); letter-spacing: 0; }
.pair { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.spark { display: block; width: 100%; height: 44px; margin-top: .25rem; overflow: visible; }
.spark .base { stroke: var(--line); }
.spark .area { fill: var(--accent-fill); stroke: none; }
.spark .trend { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linejoin: round; }
.spark * { vector-effect: non-scaling-stroke; }
.scale { display: flex; justify-content: space-between; font-size: .8rem; color: var(--muted); }

.columns { display: grid; gap: 1rem; align-items: start; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 1280px) { .columns { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.stack { display: grid; gap: 1rem; min-width: 0; grid-template-columns: minmax(0, 1fr); }
.head {
  display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .8rem;
  padding: .5rem 1rem; min-height: 3rem; border-bottom: 1px solid var(--line);
}
.head h2 { margin-right: auto; }
.head .note { color: var(--muted); font-size: .86rem; }
.panel > p.nothing { padding: .9rem 1rem; color: var(--muted); }
.scroll { overflow: auto; max-height: 31rem; container-type: inline-size; }
table { width: 100%; border-collapse: collapse; }
th {
  position: sticky; top: 0; z-index: 1; background: var(--surface); color: var(--muted);
  font-weight: 500; font-size: .84rem; text-align: left; box-shadow: inset 0 -1px var(--line);
}
th.num { text-align: right; }
th, td { padding: .4rem .5rem; vertical-align: top; }
th:first-child, td:first-child { padding-left: 1rem; }
th:last-child, td:last-child { padding-right: 1rem; }
td { border-bottom: 1px solid var(--faint); overflow-wrap: break-word; }
td.wide, td .sub, #balance td { overflow-wrap: anywhere; }
#balance td.num { white-space: normal; }
td.mono { white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
tr[tabindex] { cursor: pointer; }
tr[tabindex]:hover td, tr[tabindex]:focus td { background: var(--faint); }
tr.gone td { color: var(--muted); }
td .sub { display: block; color: var(--muted); font-size: .88em; }
td.tight { white-space: nowrap; }
.actions { display: flex; flex-wrap: wrap; gap: .4rem; }
.note[data-tone=good] { color: var(--good); }
.note[data-tone=warn], .warn { color: var(--warn); }
.note[data-tone=bad], .bad { color: var(--bad); }
.said { padding: .5rem 1rem 0; }
.family-acts {
  display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .8rem; padding: 0 1rem .6rem;
}
.family-acts .outcome { margin: 0; }
.family-acts span:empty { display: none; }
@media (min-width: 700px) {
  .family { position: relative; }
  .family-acts:not(.paused) { position: absolute; top: .2rem; right: 1rem; padding: 0; }
  td.acts .actions { flex-wrap: nowrap; }
}
.outcome { display: block; margin-top: .3rem; font-size: .88em; max-width: 22rem; }
.outcome:empty { display: none; }
.outcome[data-tone=bad] { color: var(--bad); }
.outcome[data-tone=good] { color: var(--good); }
details.long summary { cursor: pointer; }
details.long[open] summary { color: var(--muted); }
details.long p { white-space: pre-wrap; padding-top: .3rem; }
.chip {
  display: inline-block; padding: 0 .45rem; border-radius: 3px;
  background: var(--faint); color: var(--ink); font-size: .92em;
}
.chip[data-tone=good] { background: var(--good-fill); color: var(--good); }
.chip[data-tone=warn] { background: var(--warn-fill); color: var(--warn); }
.chip[data-tone=bad] { background: var(--bad-fill); color: var(--bad); }
@container (max-width: 35rem) {
  table, tbody { display: block; }
  thead { display: none; }
  tbody tr {
    display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .35rem .75rem;
    padding: .65rem 1rem; border-bottom: 1px solid var(--line);
  }
  tbody td, td:first-child, td:last-child { display: block; padding: 0; border: 0; text-align: left; }
  td.tight, td.num { white-space: normal; text-align: left; }
  td.wide { grid-column: 1 / -1; }
  td::before { content: attr(data-label); display: block; color: var(--muted);
    font: .8rem/1.4 system-ui, sans-serif; }
}

.family { border-bottom: 1px solid var(--line); }
.family:last-child { border-bottom: 0; }
.family summary {
  display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: baseline;
  padding: .55rem 1rem; cursor: pointer;
}
.family summary::before { content: "\25B8"; color: var(--muted); width: .8em; }
.family[open] summary::before { content: "\25BE"; }
.family summary b { font-weight: 600; min-width: 8.5rem; }
.cells {
  display: grid; gap: .4rem; padding: 0 1rem .8rem;
  grid-template-columns: repeat(2, minmax(0, 1fr));
}
@media (min-width: 560px) { .cells { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
@media (min-width: 1080px) { .cells { grid-template-columns: repeat(8, minmax(0, 1fr)); } }
.cells li {
  border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: 4px;
  padding: .3rem .55rem; font-size: .88rem; min-width: 0;
}
.cells li[data-tone=warn] { border-left-color: var(--warn); background: var(--warn-fill); }
.cells li[data-tone=bad] { border-left-color: var(--bad); background: var(--bad-fill); }
.cells .line { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 .5rem; }
.cells .name { font-weight: 600; }
.cells .word { color: var(--good); white-space: nowrap; }
.cells [data-tone=warn] .word { color: var(--warn); font-weight: 600; }
.cells [data-tone=bad] .word { color: var(--bad); font-weight: 600; }
.cells .owner { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }

dialog {
  margin: 0 0 0 auto; padding: 0; border: 0; border-left: 1px solid var(--line);
  width: min(40rem, 100vw); max-width: none; height: 100vh; height: 100dvh; max-height: none;
  background: var(--surface); color: var(--ink); overflow: auto; overscroll-behavior: contain;
}
dialog::backdrop { background: #0b10147a; }
dialog .head { position: sticky; top: 0; background: var(--surface); z-index: 1; }
dialog .about { padding: .75rem 1rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
dialog .about p + p { margin-top: .2rem; }
#letter-parts section { padding: .75rem 1rem 0; }
#letter-parts h3 { font-size: .86rem; font-weight: 600; color: var(--muted); }
#letter-parts pre { margin: .2rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
#trace-acts, #letter-acts { margin-top: .6rem; }
#trace-note:empty, #families-note:empty { display: none; }
#ask {
  margin: auto; width: min(30rem, calc(100vw - 2rem)); height: fit-content; padding: 1rem;
  border: 1px solid var(--line); border-radius: 6px;
}
#ask form { display: grid; gap: .6rem; }
#ask label { font-weight: 500; }
#ask .actions { justify-content: flex-end; }
input {
  font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--muted);
  border-radius: 4px; min-height: 2.2rem; padding: .15rem .6rem; width: 100%;
}
#steps { padding: .75rem 1rem 2rem; }
#steps li {
  position: relative; padding: 0 0 1rem 1.4rem; border-left: 2px solid var(--line);
  margin-left: .35rem; overflow-wrap: anywhere;
}
#steps li:last-child { border-left-color: transparent; padding-bottom: 0; }
#steps li::before {
  content: ""; position: absolute; left: -.4rem; top: .35rem; width: .65rem; height: .65rem;
  border-radius: 50%; background: var(--surface); border: 2px solid var(--accent);
}
#steps .when { color: var(--muted); font-size: .86rem; }
#steps .title { font-weight: 600; }
#steps .detail { color: var(--muted); white-space: pre-wrap; }
@media (forced-colors: active) {
  .chip, .cells li, #link .dot { border: 1px solid CanvasText; }
}
`
