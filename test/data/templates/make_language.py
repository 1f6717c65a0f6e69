"""Writes language.jsonl: what Jinja 3.1 makes of small templates, in the environment transformers gives chat templates.

Rows: `template`, `variables`, and `rendered`, or `refused` where Jinja refuses it while parsing or rendering.
"""

import datetime
import json
import os

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "  Grüße, 你好 🙂\n"},
    {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1, "y": [True, None, 2.5]}}}]},
]
VARIABLES = {
    "messages": MESSAGES, "n": 7, "r": 2.5, "s": "a-b-c-b", "e": "", "l": [3, 1, 2], "d": {"b": 1, "a": {"c": [1, 2]}, "Z": "z"},
    "words": ["one", "Two", "three", "two", "ONE"], "none_": None, "t": True, "html": "<a href=\"x\">'&'</a>", "big": 123456789012,
    "people": [{"name": "Ann", "age": 3, "tags": ["x"]}, {"name": "bob", "age": 1}, {"name": "Cy", "age": 2, "tags": []}],
}

# One a line: expressions, printed between brackets.
EXPRESSIONS = r"""
1 + 2 * 3 - 4
(1 + 2) * 3
2 ** 3 ** 2
-2 ** 2
7 // 2
-7 // 2
7 // -2
7 % 3
-7 % 3
7 % -3
-7.5 % 2
7 / 2
6 / 2
1.5 + 1
1e3
1e22
1.0
0.1 + 0.2
1e-5
1e16
123456789.125
100 / 3
2 ** -1
n ~ s ~ none_ ~ t
"a" "b" 'c'
"a" + "b" ~ 1 + 2
"ab" * 3
3 * [1, 2]
[1] + [2, "x", none, true, 1.5, {"k": ["v"]}]
"it's"
['it\'s', "say \"x\"", 'both \' and "', "\n\t\\ \x01 é \u200b 🙂 \xa0"]
"\x41\u00e9\U0001F642\101\q"
{"a": 1, "b": [1, 2], "a": 3}
()
(1,)
1 == 1.0
1 == true
"1" == 1
[1, 2] == [1, 2]
{"a": 1} == {"a": 1}
none == none
undefined_ == undefined_
undefined_ == none
1 < 2 < 3
1 < 3 < 2
"a" < "b"
"Z" < "a"
[1, 2] < [1, 3]
1 <= 1
2 >= 3
"b" in s
"x" not in s
1 in l
9 not in l
"a" in d
"x" in d
"x" in undefined_
not 1 in l
not (1 in l) or true
1 and 0
0 or "x"
"" or none
n if t else 0
n if not t
n if not t else s if t else 1
(n if not t) is defined
s[0]
s[-1]
s[10] is defined
s[1:3]
s[:3]
s[2:]
s[::-1]
s[-3:]
s[::2]
s[5:1:-2]
l[::-1]
l[1:]
l[-1]
l[5] is defined
l[0:10]
l.0
d.b
d["b"]
d.a.c[1]
d["a"]["c"][-1]
d.missing is defined
d["missing"] is undefined
d.items is defined
d["items"] is callable
d.get("b")
d.get("x")
d.get("x", 5)
d.items() | list
d.keys() | list
d.values() | list
messages[0].role
messages[1].content
messages[1]["content"] | trim
messages[-1].tool_calls[0].function.arguments | tojson
messages[-1].tool_calls[0].function.arguments | tojson(indent=2)
messages | tojson(indent=4)
messages | tojson(ensure_ascii=true)
d | tojson(sort_keys=true)
d | tojson(separators=(",", ":"))
[] | tojson(indent=2)
{} | tojson(indent=2)
[[], {}] | tojson(indent=0)
"\b\f\x7f\u2028/" | tojson
[1.0, 1e20, 1e-7, true, none, big] | tojson
html | tojson
s | upper
"Grüße ÀÉ ß" | lower
"grün àé" | upper
"hello wORLD" | capitalize
"hello wORLD it's" | title
"élan" | capitalize
s | replace("b", "X")
s | replace("b", "X", 1)
s.replace("-", "")
s.replace("b", "Y", 1)
"abc".replace("", ".")
"abc".replace("", ".", 2)
s.split("-")
s.split("-", 1)
s.split("-", maxsplit=2)
s.rsplit("-", 1)
s.split("x")
"  a  b c ".split()
"  a  b c ".split(none, 1)
"  a  b c ".rsplit(none, 1)
"".split()
"".split(",")
"a\nb\r\nc\u2028d\n".splitlines()
"  x ".strip() ~ "|"
"xxaxx".strip("x")
"xyaxy".lstrip("xy")
"éaé".rstrip("é")
" \u3000x\u2003\x1c".strip()
"-".join(["a", "b"])
"-".join("abc")
s.startswith("a")
s.startswith(("x", "a"))
s.endswith("-b")
s.endswith("x")
s.find("b")
s.rfind("b")
s.find("q")
"你好a".find("a")
s.count("b")
"aaa".count("aa")
"abc".count("")
s.upper()
"ABC É".lower()
"x y".title()
"x Y".capitalize()
"12".isdigit()
"1a".isdigit()
"ab".isalpha()
" ".isspace()
"prefix-x".removeprefix("prefix-")
"x.txt".removesuffix(".txt")
"x".removesuffix("")
s | length
messages[1].content | length
l | count
d | length
undefined_ | length
l | first
l | last
s | first
[] | first is defined
l | sort
l | sort(reverse=true)
words | sort
words | sort(case_sensitive=true)
people | sort(attribute="age") | map(attribute="name") | join(",")
words | unique | list
words | unique(case_sensitive=true) | list
l | sum
people | sum(attribute="age")
[] | sum
l | min
l | max
people | max(attribute="age")
l | reverse | list
s | reverse
s | list
d | list
undefined_ | list
words | join
words | join(", ")
l | join(" | ")
people | join("/", attribute="name")
words | map("upper") | list
words | map("replace", "o", "0") | join(" ")
people | map(attribute="name") | list
people | map(attribute="tags.0", default="none") | list
people | map(attribute="nothing", default=0) | list
l | select("odd") | list
l | reject("odd") | list
l | select("gt", 1) | list
[0, 1, "", "x", none] | select | list
[0, 1, "", "x", none] | reject | list
people | selectattr("age", "ge", 2) | map(attribute="name") | list
people | rejectattr("tags") | map(attribute="name") | list
people | selectattr("tags", "defined") | map(attribute="name") | list
people | selectattr("name", "equalto", "bob") | list
words | reject("equalto", "Two") | join(", ")
words | reject("in", ["one", "ONE"]) | list
d | dictsort
d | dictsort(true)
d | dictsort(by="key", reverse=true)
{"x": 2, "y": 1} | dictsort(by="value")
d | items | list
undefined_ | items | list
"3" | int
" -4 " | int
"3.9" | int
"x" | int
"x" | int(5)
3.9 | int
-3.9 | int
none_ | int(2)
"2.5" | float
"x" | float
"x" | float(1.5)
3 | float
n | string
none_ | string
[1, "a"] | string
-3 | abs
-2.5 | abs
2.5 | round
3.5 | round
2.345 | round(2)
2.1 | round(method="ceil")
-2.1 | round(0, "floor")
"a\nb\n\nc" | indent
"a\nb\n\nc" | indent(2, true)
"a\nb\n\nc" | indent(2, blank=true)
"a\nb" | indent("> ")
html | safe
undefined_ | default("x")
none_ | default("x")
e | default("x", true)
undefined_ | d
undefined_ | trim
none_ | trim
n | trim
"xxaxx" | trim("x")
n is defined
undefined_ is defined
undefined_ is not defined
undefined_ is none
none_ is none
none_ is not none
s is string
l is string
l is sequence
s is sequence
d is sequence
n is sequence
l is iterable
n is iterable
d is mapping
l is mapping
undefined_ is iterable
n is number
t is number
n is integer
t is integer
r is float
t is boolean
t is true
n is true
t is false
e is false
n is odd
n is even
9 is divisibleby 3
9 is divisibleby(2)
n is eq 7
n is equalto(7)
n is ne 7
n is lt 8
n is ge 8
2 is in [1, 2]
2 is in l and "x" is string
n is not odd or t
range is callable
n is callable
range(3) | list
range(1, 4) | list
range(5, 0, -2) | list
range(0) | list
dict(a=1, b=[2])
namespace(x=1).x
namespace({"x": 2}, y=3).x
strftime_now("%Y-%m-%d")
strftime_now("%d %b %Y %H:%M:%S")
strftime_now("%A, %-d %B %%")
strftime_now is defined
undefined_
none_
[undefined_]
"a" if undefined_ else "b"
- n
+ n
not n
not not n
- l | first
-n | abs
"x" ~ -1
loop is defined
[1, 2,]
[ [1, 2], (3, 4) ] | length
1,2,3
"}}"
"%}"
{"a": {"b": {}}}
'a' 'b'|upper
"a" ~ "b"|upper
"a" + "b"|upper
s.split("-")[-1].upper() | lower
("a" + "b") | upper
(l | first) + 1
d["get"] is defined
l.append is defined
(1, 2) == [1, 2]
(1, 2) + (3,)
(1,) * 2
(1, 2)[1:]
(1, 2) | tojson
(1, 2) + [3]
"a-b (c) it's".title()
"a-b (c) it's" | title
"%s" is string
l.append(4)
1 + "a"
"a" + none
none + 1
1 / 0
1 % 0
1 // 0
undefined_ + "a"
undefined_.x
undefined_["x"]
none_.x is defined
none_["x"] is defined
n.x.y
"x" in 5
5 in "x"
"x" in none_
l < 1
none < 1
5 | length
none_ | length
5 | join
5 | list
[1, "a"] | sort
undefined_ | tojson
undefined_()
n()
"a"()
s.nothing()
s | nothing
s is nothing
range(200000) | length
range(1, 2, 0)
raise_exception("no")
namespace(1)
s[::0]
s["x":]
5[1:]
s.split("")
"a".join([1])
"x" | replace("a")
s | upper(1)
s | join(1, 2, 3)
s.upper(1)
s.split(sep="-", nothing=1)
[1
(1
{"a" 1}
1 +
a b
1 ++ 
"abc
1..2
f(a=1, 2)
a..b
a.
a[
a[]
|upper
is string
@
""".strip("\n").split("\n")

TEMPLATES = [
    # White space.
    "a\n{% if t %}\nb\n{% endif %}\nc\n", "  {% if t %}  \n  b\n  {% endif %}  \nc", "a {%- if t -%}  b  {%- endif -%} c",
    "a\n  {%+ if t +%}\nb\n{% endif +%}\nc", "a {{- n -}} b", "a {{ n }}\n b\n\n", "a\n  {{ n }}\n", "{# c #}\na {#- c -#} b\n  {# c #}\nx",
    "x\r\ny\r{% if t %}\r\nz{% endif %}\r\n", "\n\n", "\n", "", "{{ n }}\n\n", "a  {%- set x = 1 %}\n  b", "{%- set x = 1 -%}\n\n  b{{ x }}",
    "  {% set x = 1 %}{% set y = 2 %}\n{{ x }}{{ y }}", "x  {% set x = 1 %}  y", "\t{% if t %}\t\n\t{{ n }}\t\n\t{% endif %}\t\n",
    "{% if t %}\n\n  x\n\n{% endif %}\n\n", "a\n{#- c #}\nb", "a\n{# c -#}\n\n b", "a\n  {#+ c +#}\nb", "{{ '\n' }}x", "{#\n{{ n }} {% if %}\n#}x", "{##}x{#-#} y",
    "a\u3000\u00a0{%- if t -%}\u2003b{% endif %}",
    # Raw.
    "{% raw %}{{ n }} {% if %} {# x #}{% endraw %}", "a  {%- raw -%}  {{ n }}  {%- endraw -%}  b", "x\n  {% raw %}\n y\n  {% endraw %}\nz", "{% raw %}x",
    # Statements.
    "{% if n == 1 %}a{% elif n == 7 %}b{% else %}c{% endif %}", "{% if e %}a{% elif none_ %}b{% else %}c{% endif %}", "{% if undefined_ %}a{% endif %}b",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for x in l if x > 1 %}{{ x }}{{ loop.length }}{{ loop.last }}{% else %}none{% endfor %}", "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for c in 'aé🙂' %}[{{ c }}]{% endfor %}",
    "{% for (k, v) in d | items %}{{ k }};{% endfor %}", "{% for a, b in [[1, 2], (3, 4), 'xy'] %}{{ a }}{{ b }} {% endfor %}", "{% for a, b in [[1]] %}{{ a }}{% endfor %}",
    "{% for x in undefined_ %}{{ x }}{% else %}empty{% endfor %}", "{% for x in 5 %}{{ x }}{% endfor %}", "{% for x in none_ %}{{ x }}{% endfor %}",
    "{% for a in l %}{% for b in l %}{{ loop.index }}{{ loop.depth }}{{ a }}{{ b }} {% endfor %}{{ loop.index }}|{% endfor %}",
    "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in l | sort %}{{ x }}{% endfor %}", "{% for x in (l if t else []) %}{{ x }}{% endfor %}",
    # Scopes.
    "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}", "{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% for i in l %}{% set y = i %}{% endfor %}{{ y is defined }}", "{% for i in l %}{% if loop.first %}{% set z = 1 %}{% endif %}{{ z is defined }}{% endfor %}",
    "{% for i in l %}{% endfor %}{{ i is defined }}{{ loop is defined }}", "{% set i = 9 %}{% for i in l %}{{ i }}{% endfor %}{{ i }}",
    "{% set ns = namespace(x=0, l=[]) %}{% for i in l %}{% set ns.x = ns.x + i %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.x }}{{ ns.l }}{{ ns.y is defined }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{% set ns.self_ = ns %}{{ ns.self_.a }}", "{% set d.x = 1 %}", "{% set undefined_.x = 1 %}", "{% set n = 5 %}{{ n }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1, 2, 3] %}{{ a }}", "{% set a = 1, 2 %}{{ a | length }}", "{% set (a, b) = 'xy' %}{{ b }}{{ a }}",
    "{% set x %}a{{ n }}\n{% endset %}[{{ x }}]", "{% set x | upper | trim %} a{{ s }} {% endset %}[{{ x }}]", "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}",
    "{% set x = 'a' if t else 'b' %}{{ x }}", "{% set true_ = true %}{{ true_ }}", "{% set ns = namespace(f=none) %}{% for i in l %}{% set ns.f = i %}{% endfor %}{{ ns.f }}",
    # Macros.
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}",
    "{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", "{% set g = 1 %}{% macro m() %}{{ g }}{% set g = 3 %}{{ g }}{% endmacro %}{% set g = 2 %}{{ m() }}{{ g }}",
    "{% macro m(a) %}  {{ a }}  {% endmacro %}{{ m('x') | trim }}|{{ m('y') ~ 'z' }}|{{ m('x') | length }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% set ns = namespace(x=0) %}{% macro m() %}{% set ns.x = ns.x + 1 %}{% endmacro %}{{ m() }}{{ m() }}{{ ns.x }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}",
    "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{{ m is defined }}{% macro m() %}{% endmacro %}{{ m is defined }}{{ m is callable }}",
    "{% macro m() %}{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}{% endmacro %}{{ m() }}", "{% macro m(x) %}{{ x.y is defined }}{{ x is mapping }}{% endmacro %}{{ m({'y': 1}) }}{{ m({}) }}",
    # Others.
    "{% generation %}a{{ n }}{% endgeneration %}b", "{{ raise_exception('bad: ' ~ n) }}", "{% if n == 8 %}{{ raise_exception('x') }}{% endif %}ok", "{% if false %}{{ s | nothing_known }}{% endif %}ok",
    "{% if false %}{{ x is nothing_known }}{% endif %}ok", "{{ '{{ n }}' }}", "{{ \"{% if %}\" }}", "{ {% if t %}{{% endif %}", "{{ '}}' ~ \"%}\" }}", "a { b } c {d} % # }} %}", "{{ {'a': {'b': 1}}.a.b }}", "{{{'a': 1}}}", "{{ {'a':1}['a'] }}",
    # Syntax errors.
    "{% if t %}", "{% endif %}", "{% else %}", "{% for x in l %}", "{% for in l %}{% endfor %}", "{% for x of l %}{% endfor %}", "{% set x %}", "{% set = 1 %}", "{% set 1 = 1 %}", "{% macro m( %}{% endmacro %}", "{{ n", "{% if n", "{# x", "{{ }}", "{% %}",
    "{% nothing %}", "{% if %}{% endif %}", "{% if t %}{% else %}{% else %}{% endif %}", "{% if t %}{% endfor %}", "{{ n }} {% endset %}", "{{ n % }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ n }", "{{ 'a\\", "{{ ] }}", "{{ ) }}", "{{ ( ] }}",
]


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: datetime.datetime(2026, 1, 15, 10, 20, 30).strftime(format)
    return env


def main():
    env = environment()
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "language.jsonl"), "w", encoding="utf-8") as out:
        out.write(json.dumps({"variables": VARIABLES}) + "\n")
        for template in ["[{{ " + e + " }}]" for e in EXPRESSIONS] + TEMPLATES:
            row = {"template": template}
            try:
                row["rendered"] = env.from_string(template).render(**VARIABLES)
            except Exception as error:  # Jinja, or Python inside it
                row["refused"] = type(error).__name__ + ": " + str(error)
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
