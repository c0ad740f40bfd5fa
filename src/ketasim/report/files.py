"""Files that appear whole or not at all: see `ketasim.core.files`."""

from ketasim.core.files import check_writable, write_whole

__all__ = ["check_writable", "write_whole"]
