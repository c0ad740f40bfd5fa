"""MathML, as libSBML parses it, to expression tuples. What is not in the ODE subset is refused by name."""

from __future__ import annotations

from typing import Any

from ketasim.core import UsageError

from .source import Expression, call, name, number

AVOGADRO = 6.02214179e23  # CODATA 2006, the value SBML Level 3 fixes for its csymbol (specification, section 3.4.6)

# libSBML type constant (without AST_) -> operator of the engine
OPERATORS = {
    "PLUS": "plus",
    "MINUS": "minus",
    "TIMES": "times",
    "DIVIDE": "divide",
    "POWER": "power",
    "FUNCTION_POWER": "power",
    "FUNCTION_ROOT": "root",
    "FUNCTION_EXP": "exp",
    "FUNCTION_LN": "ln",
    "FUNCTION_LOG": "log",
    "FUNCTION_ABS": "abs",
    "FUNCTION_FLOOR": "floor",
    "FUNCTION_CEILING": "ceiling",
    "FUNCTION_FACTORIAL": "factorial",
    "FUNCTION_PIECEWISE": "piecewise",
    "FUNCTION_SIN": "sin",
    "FUNCTION_COS": "cos",
    "FUNCTION_TAN": "tan",
    "FUNCTION_SEC": "sec",
    "FUNCTION_CSC": "csc",
    "FUNCTION_COT": "cot",
    "FUNCTION_SINH": "sinh",
    "FUNCTION_COSH": "cosh",
    "FUNCTION_TANH": "tanh",
    "FUNCTION_SECH": "sech",
    "FUNCTION_CSCH": "csch",
    "FUNCTION_COTH": "coth",
    "FUNCTION_ARCSIN": "arcsin",
    "FUNCTION_ARCCOS": "arccos",
    "FUNCTION_ARCTAN": "arctan",
    "FUNCTION_ARCSEC": "arcsec",
    "FUNCTION_ARCCSC": "arccsc",
    "FUNCTION_ARCCOT": "arccot",
    "FUNCTION_ARCSINH": "arcsinh",
    "FUNCTION_ARCCOSH": "arccosh",
    "FUNCTION_ARCTANH": "arctanh",
    "FUNCTION_ARCSECH": "arcsech",
    "FUNCTION_ARCCSCH": "arccsch",
    "FUNCTION_ARCCOTH": "arccoth",
    "FUNCTION_MIN": "min",
    "FUNCTION_MAX": "max",
    "FUNCTION_REM": "rem",
    "FUNCTION_QUOTIENT": "quotient",
    "FUNCTION_RATE_OF": "rate_of",
    "RELATIONAL_LT": "lt",
    "RELATIONAL_LEQ": "leq",
    "RELATIONAL_GT": "gt",
    "RELATIONAL_GEQ": "geq",
    "RELATIONAL_EQ": "eq",
    "RELATIONAL_NEQ": "neq",
    "LOGICAL_AND": "and",
    "LOGICAL_OR": "or",
    "LOGICAL_XOR": "xor",
    "LOGICAL_NOT": "not",
    "LOGICAL_IMPLIES": "implies",
}
CONSTANTS = {"CONSTANT_PI": 3.141592653589793, "CONSTANT_E": 2.718281828459045, "NAME_AVOGADRO": AVOGADRO}
NUMBERS = frozenset({"INTEGER", "REAL", "REAL_E", "RATIONAL"})
REFUSED = {"FUNCTION_DELAY": "delay"}


class MathReader:
    """Turns libSBML ASTNodes into expressions; `libsbml` is the imported module."""

    def __init__(self, libsbml: Any) -> None:
        self._kind: dict[int, str] = {}
        for constant in dir(libsbml):
            if constant.startswith("AST_") and isinstance(getattr(libsbml, constant), int):
                short = constant.removeprefix("AST_")
                # several constants may share a number (aliases); known operators win
                if getattr(libsbml, constant) not in self._kind or short in OPERATORS:
                    self._kind[getattr(libsbml, constant)] = short

    def read(self, node: Any, where: str) -> Expression:
        """Expression of `node`; `where` names the element for error messages."""
        if node is None:
            raise UsageError("an element has no formula", where=where, fix="give it a <math> element")
        results: list[Expression] = []
        stack: list[tuple[Any, bool]] = [(node, False)]
        while stack:  # postorder without recursion: formulas may nest deeper than Python's stack
            current, ready = stack.pop()
            kind = self._kind.get(current.getType(), "UNKNOWN")
            leaf = self._leaf(current, kind)
            if leaf is not None:
                results.append(leaf)
                continue
            operator = self._operator(current, kind, where)
            count = current.getNumChildren()
            if not ready:
                stack.append((current, True))
                stack.extend((current.getChild(i), False) for i in reversed(range(count)))
            else:
                arguments = results[len(results) - count :]
                del results[len(results) - count :]
                results.append(call(operator, *arguments))
        return results[0]

    def _leaf(self, node: Any, kind: str) -> Expression | None:
        if kind in NUMBERS:
            return number(node.getValue())
        if kind in CONSTANTS:
            return number(CONSTANTS[kind])
        if kind == "NAME":
            return name(node.getName())
        if kind == "NAME_TIME":
            return ("time",)
        if kind in ("CONSTANT_TRUE", "CONSTANT_FALSE"):
            return ("truth", kind == "CONSTANT_TRUE")
        return None

    def _operator(self, node: Any, kind: str, where: str) -> str:
        if kind in OPERATORS:
            return OPERATORS[kind]
        if kind == "FUNCTION":
            return "user:" + str(node.getName())
        called = REFUSED.get(kind, node.getName() or kind.lower())
        raise UsageError(
            f"the engine cannot compute '{called}'",
            where=where,
            allowed="ordinary differential equations with the MathML functions of SBML, without delay",
        )


def function_body(reader: MathReader, node: Any, where: str) -> tuple[tuple[str, ...], Expression]:
    """Arguments and body of a lambda."""
    if node is None or not node.isLambda() or node.getNumChildren() == 0:
        raise UsageError("a function definition has no lambda", where=where)
    count = node.getNumChildren()
    arguments = tuple(str(node.getChild(i).getName()) for i in range(count - 1))
    return arguments, reader.read(node.getChild(count - 1), where)
