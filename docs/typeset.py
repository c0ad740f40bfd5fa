"""Equations of `.ant` files as MathML: browsers set them themselves, so that a page needs no script and no network."""

from __future__ import annotations

import html
import re
from typing import Any

import libsbml

DECLARED = re.compile(r"^(model|end|compartment|species|substanceOnly|const|var|unit|function|import)\b|\bhas\b|\bis\b")
SIGNS = {
    libsbml.AST_RELATIONAL_LT: "<",
    libsbml.AST_RELATIONAL_LEQ: "≤",
    libsbml.AST_RELATIONAL_GT: ">",
    libsbml.AST_RELATIONAL_GEQ: "≥",
    libsbml.AST_RELATIONAL_EQ: "=",
    libsbml.AST_LOGICAL_AND: "and",
    libsbml.AST_LOGICAL_OR: "or",
}
POWERS = (libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER)


def equations(text: str) -> list[str]:
    """Every rule, rate and reaction of an .ant text, as a block of MathML each, in the order of the file."""
    bare = re.sub(r"//[^\n]*", "", text)
    parts = [
        " ".join(part.split())
        for part in re.split(r";|\n(?=\s*model\b|\s*end\b)", re.sub(r"(model [^\n]*)\n", r"\1;", bare))
    ]
    found, waiting = [], iter(parts)
    for part in waiting:
        part = re.sub(r"^end$", "", part).strip()
        if "->" in part:
            name, _, sides = part.partition(":")
            left, _, right = sides.partition("->")
            found.append(
                _block(
                    f"{_names(left)}<mo>⟶</mo>{_names(right)}<mtext>&nbsp;&nbsp;at&nbsp;</mtext>{formula(next(waiting, '0'))}",
                    name,
                )
            )
        elif not part or DECLARED.search(part) or not re.match(r"^[A-Za-z_]\w*'?\s*:?=", part):
            continue
        else:
            name, sign, rest = re.match(r"^([A-Za-z_]\w*'?)\s*(:?=)\s*(.*)$", part).groups()  # type: ignore[union-attr]
            start = sign == "=" and not name.endswith("'")
            if name.endswith("'"):
                left = f"<mfrac><mrow><mi>d</mi><mspace width='0.2em'/>{_name(name[:-1])}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"
            else:
                left = (
                    f"{_name(name)}<mo stretchy='false'>(</mo><mn>0</mn><mo stretchy='false'>)</mo>"
                    if start
                    else _name(name)
                )
            found.append(_block(f"{left}<mo>=</mo>{formula(rest)}"))
    return found


def formula(text: str) -> str:
    """One formula in MathML. Raises ValueError for what libSBML cannot read."""
    node = libsbml.parseL3Formula(text)
    if node is None:
        raise ValueError(f"{text}: {libsbml.getLastParseL3Error()}")
    return _set(node)


def _block(inner: str, note: str = "") -> str:
    told = f' title="{html.escape(note.strip())}"' if note.strip() else ""
    return f'<div class="equation"{told}><math display="block"><mrow>{inner}</mrow></math></div>'


def _name(name: str) -> str:
    return f"<mtext>{html.escape(name)}</mtext>"


def _names(side: str) -> str:
    """One side of a reaction; nothing is the empty set."""
    words = [word.strip() for word in side.replace("=>", "").split("+") if word.strip()]
    return "<mo>+</mo>".join(_name(word) for word in words) or "<mo>∅</mo>"


def _level(node: Any) -> int:
    """Binding: 1 sum, 2 product, 3 sign, 4 power, 5 anything in itself."""
    kind = node.getType()
    if kind == libsbml.AST_MINUS and node.getNumChildren() == 1:
        return 1
    if kind in (libsbml.AST_PLUS, libsbml.AST_MINUS):
        return 1
    if kind == libsbml.AST_TIMES:
        return 2
    if kind in SIGNS:
        return 0
    return 4 if kind in POWERS else 5


def _in(node: Any, least: int) -> str:
    text = _set(node)
    return text if _level(node) >= least else f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"


def _set(node: Any) -> str:
    kind = node.getType()
    given = [node.getChild(i) for i in range(node.getNumChildren())]
    if node.isNumber():
        return f"<mn>{node.getValue():g}</mn>"
    if kind == libsbml.AST_NAME_TIME:
        return "<mi>t</mi>"
    if node.isName() and not given:
        return _name(node.getName())
    if kind == libsbml.AST_MINUS and len(given) == 1:
        return f"<mo>-</mo>{_in(given[0], 2)}"
    if kind == libsbml.AST_PLUS:
        return "<mo>+</mo>".join(_in(g, 1) for g in given)
    if kind == libsbml.AST_MINUS:
        return f"{_in(given[0], 1)}<mo>-</mo>{_in(given[1], 2)}"
    if kind == libsbml.AST_TIMES:
        return "<mo>·</mo>".join(_in(g, 2) for g in given)
    if kind == libsbml.AST_DIVIDE:
        return f"<mfrac><mrow>{_set(given[0])}</mrow><mrow>{_set(given[1])}</mrow></mfrac>"
    if kind in POWERS:
        return f"<msup><mrow>{_in(given[0], 5)}</mrow><mrow>{_set(given[1])}</mrow></msup>"
    if kind in SIGNS:
        word = SIGNS[kind]
        sign = f"<mtext>&nbsp;{word}&nbsp;</mtext>" if word.isalpha() else f"<mo>{html.escape(word)}</mo>"
        return sign.join(_in(g, 1) for g in given)
    if kind == libsbml.AST_FUNCTION_PIECEWISE:
        rows = [
            f"<mtr><mtd>{_set(given[i])}</mtd><mtd><mtext>if&nbsp;</mtext>{_set(given[i + 1])}</mtd></mtr>"
            for i in range(0, len(given) - 1, 2)
        ]
        if len(given) % 2:
            rows.append(f"<mtr><mtd>{_set(given[-1])}</mtd><mtd><mtext>else</mtext></mtd></mtr>")
        return f"<mrow><mo>{{</mo><mtable>{''.join(rows)}</mtable></mrow>"
    name = {libsbml.AST_FUNCTION_EXP: "exp", libsbml.AST_FUNCTION_LN: "ln"}.get(kind) or node.getName()
    return f"<mi>{html.escape(name)}</mi><mo>(</mo>{'<mo>,</mo>'.join(_set(g) for g in given)}<mo>)</mo>"
