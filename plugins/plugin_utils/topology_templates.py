# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The pages of a network report as templates of Jinja, which topology_html fills with autoescape.

t: the functions of topology_text; line: a value as one line. What is marked safe comes from this collection or from
topology_svg.
"""

from __future__ import annotations

_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy | safe }}">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<h1>{{ title }}</h1>
{% block lead %}{% endblock %}
<h2 id="findings">Findings</h2>
<ul class="findings">
{% for host, one in findings %}
<li class="{{ severity(one) }}"><span class="tag {{ severity(one) }}">{{ severity(one) }}</span>
<span>{% if host %}<b>{{ host }}</b>: {% endif %}{{ line(one.message) }}</span></li>
{% else %}
<li class="none"><span>None: what was looked for was not found.</span></li>
{% endfor %}
</ul>
<div class="search"><input id="search" type="search" placeholder="Search: name, address, veth, port, process"
aria-label="Search in all tables"><span id="count" class="quiet" role="status"></span></div>
{% block body %}{% endblock %}
<script>{{ script | safe }}</script>
</body>
</html>
"""

_CHANGES = """
{% if changes is not none %}
<h2 id="changes">Changes since {{ compared_with or "the earlier report" }}</h2>
{% if changes %}
<table><thead><tr>{% if many %}<th>Host</th>{% endif %}
<th>Container</th><th>Network</th><th>What</th><th>Before</th><th>After</th></tr></thead><tbody>
{% for host, one in changes %}
<tr>{% if many %}<td data-label="Host"><b>{{ host }}</b></td>{% endif %}

<td data-label="Container"><b>{{ line(one.container) }}</b></td>
<td data-label="Network">{{ line(one.network) }}</td>
<td data-label="What">{{ t.what(one) }}</td>
<td data-label="Before">{{ line(one.before) }}</td>
<td data-label="After">{{ line(one.after) }}</td></tr>
{% endfor %}
</tbody></table>
{% else %}
<p>None.</p>
{% endif %}
{% endif %}
"""

_CELLS = """
{% macro unseen(one) -%}
{% for words in t.unknown(one) %}{% if loop.first %}<details><summary>not seen: {{ loop.length }}</summary>{% endif %}
<div><small>{{ words }}</small></div>{% if loop.last %}</details>{% endif %}{% endfor %}
{%- endmacro %}

{% macro name(one) -%}
<td data-label="Container"><b>{{ line(one.name) }}</b>
{%- if one.state != "running" %} <span class="tag">{{ line(one.state) }}</span>{% endif %}
{%- if caller is defined %}{{ caller() }}{% endif %}</td>
{%- endmacro %}

{% macro published(one, rules=true) -%}
<td data-label="Published">
{%- for port in t.rows(one.ports) %}<div>{{ t.port(port) }}
{%- if rules and port.rules %}<details><summary>rules</summary>
{%- for rule in t.strings(port.rules) %}<div><code>{{ rule }}</code></div>{% endfor %}</details>{% endif %}</div>
{%- endfor %}</td>
{%- endmacro %}
"""

_HOST = """{% extends "frame" %}
{% import "cells" as cells with context %}
{% block lead %}
{% if error %}
<p class="alarm">{{ error }}</p>
{% else %}
<p>{{ t.engine(topology) }}{% if date %} <small>As of {{ date }}</small>{% endif %}</p>
<p>{% for one in uplinks %}{{ t.uplink(one) }}{{ "; " if not loop.last }}{% endfor %}</p>
{% for one in unseen %}<p><small>not seen: {{ one }}</small></p>{% endfor %}
{% endif %}
<nav>{% if not error %}{% if changes is not none %}<a href="#changes">Changes</a>{% endif %}
<a href="#picture">Picture</a> <a href="#networks">Networks ({{ networks | length }})</a>
<a href="#containers">Containers ({{ containers | length }})</a>{% endif %}
{% if linked %}<a href="../index.html">All hosts</a>{% endif %}</nav>
{% endblock %}
{% block body %}
{% if not error %}
{% include "changes" %}
<h2 id="picture">Picture</h2>
{% if picture %}
<div class="picture" tabindex="0">{{ picture | safe }}</div>
{% if undrawn %}<p><small>{{ undrawn }}</small></p>{% endif %}
{% else %}
<p>There is no picture: Graphviz (the command <code>dot</code>) was not available where this page was made. The tables
below have all of it, and the flowchart can be drawn by any page that knows Mermaid.</p>
{% endif %}
<details><summary>The same as a Mermaid flowchart</summary><pre>{{ mermaid }}</pre></details>
<h2 id="networks">Networks</h2>
<table><thead><tr><th>Network</th><th>Bridge</th><th>Subnets</th><th>ICC</th><th>Masquerading</th>
<th>Ports of the bridge</th></tr></thead><tbody>
{% for one in networks %}
<tr><td data-label="Network"><b>{{ line(one.name) }}</b>
<small>{{ line(one.driver) }}{{ ", internal" if one.internal }}</small></td>
<td data-label="Bridge">{{ line(one.bridge) }}{% if one.mtu %} <small>MTU {{ line(one.mtu) }}</small>{% endif %}</td>
<td data-label="Subnets">{% for subnet in t.subnets(one) %}<div>{{ subnet }}</div>{% endfor %}</td>
<td data-label="ICC"{% if t.differs(one.icc) %} class="alarm"{% endif %}>{{ t.setting(one.icc) }}
{%- if one.icc and one.icc.reason %}<div><small>{{ line(one.icc.reason) }}</small></div>{% endif %}</td>
<td data-label="Masquerading"{% if t.differs(one.masquerade) %} class="alarm"{% endif %}>{{ t.setting(one.masquerade) }}
{%- if one.masquerade and one.masquerade.rule %}<details><summary>rule</summary>
<code>{{ line(one.masquerade.rule) }}</code></details>{% endif %}</td>
<td data-label="Ports of the bridge">
{%- if one.ports_used is not none and one.ports_limit %}{{ line(one.ports_used) }} of {{ line(one.ports_limit) }}
{%- endif %}
{{ cells.unseen(one) }}</td></tr>
{% endfor %}
</tbody></table>
<h2>Containers</h2>
<table id="containers"><thead><tr><th>Container</th><th>Wires</th><th>Published</th><th>Listening</th>
<th>Namespaces and limits</th><th>Capture</th></tr></thead><tbody>
{% for one in containers %}
<tr>{% call cells.name(one) %}<div><small>{{ line(one.image) }}</small></div>{% endcall %}

<td data-label="Wires">{% for wire in t.rows(one.endpoints) %}
<div class="wire"><b>{{ line(wire.network) }}</b> {{ t.addresses(wire) | join(" ") }}
<div class="code">{{ t.route(wire) }}</div><small>{{ t.details(wire) }}</small>
{%- if t.errors(wire) %} <span class="alarm">{{ t.errors(wire) }}</span>{% endif %}</div>
{% else %}{{ t.attached(one) }}{% endfor %}</td>
{{ cells.published(one) }}
<td data-label="Listening">
{%- for socket in t.listeners(one) %}<div>{{ socket }}</div>{% endfor %}</td>
<td data-label="Namespaces and limits">{% for words in t.isolation(one) %}<div>{{ words }}</div>{% endfor %}
{{ cells.unseen(one) }}</td>
<td data-label="Capture">{% if one.capture %}<code>{{ line(one.capture) }}</code>{% endif %}</td></tr>
{% endfor %}
</tbody></table>
{% if stray %}
<h2>Interfaces of no container</h2>
<table><thead><tr><th>Interface</th><th>Index</th><th>Bridge</th></tr></thead><tbody>
{% for one in stray %}
<tr><td data-label="Interface"><b>{{ line(one.name) }}</b></td><td data-label="Index">{{ line(one.index) }}</td>
<td data-label="Bridge">{{ line(one.bridge) }}</td></tr>
{% endfor %}
</tbody></table>
{% endif %}
{% endif %}
{% endblock %}
"""

_INDEX = """{% extends "frame" %}
{% import "cells" as cells with context %}
{% block lead %}
<nav>{% if changes is not none %}<a href="#changes">Changes</a>{% endif %}
<a href="#hosts">Hosts ({{ reports | length }})</a>
<a href="#containers">Containers ({{ containers | length }})</a></nav>
{% endblock %}
{% block body %}
{% include "changes" %}
<h2 id="hosts">Hosts</h2>
<table><thead><tr><th>Host</th><th>Engine</th><th>Networks</th><th>Containers</th><th>Findings</th><th>As of</th></tr>
</thead><tbody>
{% for one in reports %}
<tr><td data-label="Host"><a href="hosts/{{ one.file }}.html"><b>{{ line(one.host) }}</b></a></td>
<td data-label="Engine"{% if one.error %} class="alarm"{% endif %}>{{ one.error or t.engine(one.topology) }}</td>
<td data-label="Networks">{{ t.rows(t.part(one, "topology", "networks")) | length }}</td>
<td data-label="Containers">{{ t.rows(t.part(one, "topology", "containers")) | length }}</td>
<td data-label="Findings">{% for severity, number in t.count([one.topology or {}]).items() if number -%}
<span class="tag {{ severity }}">{{ number }} {{ severity }}</span> {% else %}none{% endfor %}</td>
<td data-label="As of">{{ line(one.date) }}</td></tr>
{% endfor %}
</tbody></table>
{% for host, picture in pictures if picture %}
{% if loop.first %}<h2 id="picture">Pictures</h2>{% endif %}
<details{% if loop.length == 1 %} open{% endif %}><summary>{{ host }}</summary>
<div class="picture" tabindex="0">{{ picture | safe }}</div></details>
{% endfor %}
<h2>Containers</h2>
<table id="containers"><thead><tr><th>Host</th><th>Container</th><th>Networks and addresses</th><th>Wires</th>
<th>Published</th></tr></thead><tbody>
{% for host, one in containers %}
<tr><td data-label="Host">{{ host }}</td>
{{ cells.name(one) }}
<td data-label="Networks and addresses">{% for wire in t.rows(one.endpoints) %}
<div>{{ line(wire.network) }} {{ t.addresses(wire) | join(" ") }}</div>
{%- else %}{{ t.attached(one) }}{% endfor %}</td>
<td data-label="Wires">
{%- for wire in t.rows(one.endpoints) %}<div class="code">{{ t.route(wire) }}</div>{% endfor %}</td>
{{ cells.published(one, rules=false) }}</tr>
{% endfor %}
</tbody></table>
{% endblock %}
"""

TEMPLATES = {"frame": _FRAME, "changes": _CHANGES, "cells": _CELLS, "host": _HOST, "index": _INDEX}
