"""Words that the text for readers does not use, and sentences that would tell a person what to do with a treatment.

One list for the guide, the pages and the printed text; a test asks it of each of them.
"""

from __future__ import annotations

import re

NEVER = (
    "cure",
    "cures",
    "cured",
    "safe",
    "safely",
    "safer",
    "safest",
    "optimal",
    "optimum",
    "recommend",
    "recommended",
    "recommends",
)
TREATMENT = r"(?:ketamine|esketamine|spravato|it|them|this|the (?:drug|dose|spray|drip|infusion|treatment|tablets?|pills?|medicines?|medication)|your \w+|antidepressants?|benzodiazepines?)"
DO = r"(?:take|use|try|get|start|begin|stop|quit|change|switch|skip|double|raise|increase|lower|reduce|halve|continue|keep taking|avoid|choose|buy|order|inject|swallow|sniff)"
PATTERNS = (
    rf"\b(?:you|one|people|patients|a person|they) (?:should|must|ought to|need to|have to|had better)\b(?: not| never)? {DO}\b",
    r"(?<!near )\byou (?:should|must|ought to|need to|have to|had better|can|may|could)\b",
    rf"(?:^|[.!?:;]\s+|\n)(?:please |never |always |do not |don't |just |simply )?{DO} {TREATMENT}\b",
    rf"\b(?:do not|don't|never) {DO} {TREATMENT}\b",
    r"\bwe (?:advise|suggest|urge)\b",
    r"\bask your (?:doctor|clinician|prescriber) (?:for|to give|to prescribe)\b",
    r"\bis (?:right|good|best|suitable) for you\b",
    r"\byour (?:dose|best|ideal)\b",
)


def forbidden(text: str) -> list[str]:
    """Every forbidden word and every directive sentence found in the text, as it stands there."""
    # words of prose: the name of a record such as LT-YALE-SAFE is none
    words = [m.group(0) for m in re.finditer(rf"(?<![-\w])(?:{'|'.join(NEVER)})(?![-\w])", text, re.IGNORECASE)]
    return words + [
        m.group(0).strip() for pattern in PATTERNS for m in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE)
    ]
