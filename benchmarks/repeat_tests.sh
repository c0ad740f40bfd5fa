#!/usr/bin/env bash
# The README's test command again and again beside a busy load: is the verdict the same every time, and how long does each take?
#
#   benchmarks/repeat_tests.sh [-p PYTHON] [-l LOAD] [N] [words for pytest]
#
# N runs (10). PYTHON: the interpreter of the environment with ".[test]" (the one called python). LOAD: processes that do nothing but work beside the
# tests (as many as there are processors; 0 for a quiet machine). Words for pytest choose a part: benchmarks/repeat_tests.sh 2 tests/unit/core
#
# One line a run: number, verdict, seconds, the last line of pytest; the whole text of a run that fails stays in the folder that is named.
# Exit code 0 if every run was green, 1 if not.
set -u
cd "$(dirname "$0")/.."
python=python
load=$(getconf _NPROCESSORS_ONLN)
while getopts p:l: option; do
  case $option in
    p) python=$OPTARG ;;
    l) load=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
runs=10
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
  runs=$1
  shift
fi

place=$(mktemp -d)
busy=()
end() { for one in "${busy[@]:-}"; do [[ -n $one ]] && kill "$one" 2> /dev/null; done; }
trap end EXIT
trap 'exit 130' INT TERM
for ((i = 0; i < load; i++)); do
  (while :; do :; done) &
  busy+=($!)
done

echo "$runs runs of: $python -m pytest $*; $load busy processes beside it on $(getconf _NPROCESSORS_ONLN) processors; $(date)"
red=0
for ((run = 1; run <= runs; run++)); do
  begin=$SECONDS
  if "$python" -m pytest "$@" > "$place/run$run.txt" 2>&1; then verdict=green; else
    verdict="RED ($?)"
    red=$((red + 1))
  fi
  printf 'run %d: %s, %d s, load %s: %s\n' "$run" "$verdict" $((SECONDS - begin)) \
    "$(cut -d' ' -f1 /proc/loadavg 2> /dev/null || echo '?')" "$(tail -n 1 "$place/run$run.txt")"
  if [[ $verdict == green ]]; then rm "$place/run$run.txt"; else grep -E '^(FAILED|ERROR)' "$place/run$run.txt"; fi
done
if ((red)); then
  echo "$red of $runs runs failed; their texts: $place"
  exit 1
fi
rmdir "$place"
echo "all $runs green"
