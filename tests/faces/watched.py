"""The command line with a hook on every file that is opened for writing, every socket and every process; told on stderr."""

WATCHED = """
import sys
seen = []
def hook(event, args):
    if event == "open":
        path, mode, flags = args
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & 0o1103):
            seen.append(f"{event} {path} {mode}")
    elif event.split(".")[0] in ("socket", "subprocess", "ftplib", "urllib", "http", "smtplib", "shutil"):
        seen.append(f"{event} {args[:2]}" if event == "subprocess.Popen" else event)
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.system", "os.exec", "os.posix_spawn"):
        seen.append(f"{event} {args}")
sys.addaudithook(hook)
sys.argv = ["ketasim", *sys.argv[1:]]
from ketasim.cli.main import main
try:
    main()
except SystemExit as left:
    print("CODE", left.code, file=sys.stderr)
print("SEEN", seen, file=sys.stderr)
print("LOADED", sorted(m for m in sys.modules if m.count(".") < 2), file=sys.stderr)
"""
