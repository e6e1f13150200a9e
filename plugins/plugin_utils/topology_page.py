# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is the same on every page of a network report: how it looks, and how its tables are searched.

Nothing in it comes from a host, and a page asks nobody for anything: no font, no script, no picture.
"""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { --ink: #1d2733; --quiet: #5a6570; --line: #d5dbe1; --soft: #f4f6f8; color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.25rem 4rem; max-width: 96rem; background: #fff; color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.6rem; margin: .2em 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; scroll-margin-top: 4rem; }
p { margin: .4em 0; } a { color: #0a58a8; } small, .quiet { color: var(--quiet); }
code, .code { font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: .6rem 0; }
.search { position: sticky; top: 0; z-index: 2; height: 3.6rem; background: #fff; border-bottom: 1px solid var(--line);
  display: flex; gap: .8rem; align-items: center; }
.search input { flex: 0 1 32rem; min-width: 0; font: inherit; padding: .45em .7em; border: 1px solid #8a95a0;
  border-radius: 6px; }
ul.findings { list-style: none; padding: 0; margin: 0; }
.findings li { display: flex; gap: .7rem; padding: .5rem .7rem; border: 1px solid var(--line); border-left-width: 5px;
  border-radius: 4px; margin: .35rem 0; overflow-wrap: anywhere; }
.findings li.error { border-left-color: #b00020; } .findings li.warning { border-left-color: #b26a00; }
.findings li.notice { border-left-color: #5a6570; } .findings li.none { border-left-color: #1a7f37; }
.tag { display: inline-block; padding: 0 .5em; border-radius: 4px; font-size: .85em; background: #e9edf1;
  white-space: nowrap; align-self: start; }
.tag.error { background: #b00020; color: #fff; } .tag.warning { background: #ffe3b0; color: #5c3600; }
.alarm { color: #b00020; font-weight: 600; }
.picture { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; padding: .5rem; }
.picture svg { display: block; width: 100%; height: auto; }
.picture text { font: 11px Helvetica, Arial, "Liberation Sans", sans-serif; }
.picture text[font-weight] { font-weight: bold; } .picture text[font-style] { font-style: italic; }
.picture .dim { opacity: .12; }
table { border-collapse: collapse; width: 100%; scroll-margin-top: 4rem; }
th { text-align: left; background: var(--soft); white-space: nowrap; position: sticky; top: 3.6rem; z-index: 1; }
th, td { padding: .45rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td > div + div, td details { margin-top: .25rem; } td > b { font-weight: 600; }
summary { cursor: pointer; color: #0a58a8; }
.wire { padding-left: .5rem; border-left: 3px solid var(--line); min-width: 17rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--soft); padding: .6rem; margin: .3rem 0; }
@media (max-width: 760px) {
  body { padding: .8rem .8rem 3rem; } thead { display: none; } table, tbody, tr, td { display: block; width: 100%; }
  tr { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: .3rem 0; }
  td { border: 0; padding: .25rem .7rem; } td:empty, tr[hidden] { display: none; }
  td[data-label]::before { content: attr(data-label); display: block; color: var(--quiet); font-size: .8em; }
}
@media print {
  .search { display: none; } .picture { overflow: visible; } .picture svg { min-width: 0 !important; }
  th { position: static; }
}
"""

SCRIPT = """
const box = document.getElementById('search'), count = document.getElementById('count');
const rows = [...document.querySelectorAll('tbody tr')].map(row => [row, row.textContent.toLowerCase()]);
const all = [...document.querySelectorAll('#containers tbody tr')];
const pictures = [...document.querySelectorAll('.picture')].map(picture => [
  [...picture.querySelectorAll('.node')].map(node => [node, node.textContent.toLowerCase()]),
  [...picture.querySelectorAll('.edge')],
]);
function search() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const lost = text => !words.every(word => text.includes(word));
  rows.forEach(([row, text]) => { row.hidden = lost(text); });
  pictures.forEach(([nodes, edges]) => {
    nodes.forEach(([node, text]) => node.classList.toggle('dim', lost(text)));
    const names = nodes.filter(([, text]) => !lost(text)).map(([node]) => node.dataset.name);
    const seen = edge => edge.dataset.name?.split('->').some(end => names.includes(end.split(':')[0]));
    edges.forEach(edge => edge.classList.toggle('dim', words.length > 0 && !seen(edge)));
  });
  const left = all.filter(row => !row.hidden).length;
  count.textContent = words.length ? left + ' of ' + all.length : '';
}
box.addEventListener('input', search);
box.addEventListener('keydown', event => {
  if (event.key === 'Enter') all.find(row => !row.hidden)?.scrollIntoView({block: 'center'});
});
search();
"""


def policy() -> str:
    """Return the page's content security policy: this script and no other, and nothing from anywhere."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
