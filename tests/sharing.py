"""How the workers share the tests: what stands in one file, or in files of one group, goes to one worker.

What a file computes once (a server, the scorecard, a browser) is then computed once and not in every worker. A group is named for a whole file:
`pytestmark = pytest.mark.xdist_group("name")`. With pytest 9.2 these marks of pytest-xdist 3.8 are without effect, and silently
(pytest-xdist 1386), and it deals out the tests of files without a group one by one.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

GROUP = re.compile(r'^pytestmark = pytest\.mark\.xdist_group\("(\w+)"\)', re.MULTILINE)


@cache
def together(file: Path) -> str:
    """Under which name a file's tests are dealt out: the group that the file names, or the file alone."""
    named = GROUP.search(file.read_text("utf-8"))
    return named[1] if named else str(file)


class Together(LoadFileScheduling):
    """Work is dealt out by groups and files, those of most tests first."""

    def _split_scope(self, nodeid: str) -> str:
        return together(self.config.rootpath / nodeid.partition("::")[0])
