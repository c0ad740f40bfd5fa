#!/usr/bin/env bash
# Everything that is computed from the posterior and stored, in the order in which it follows (CONTRIBUTING, "A new fit").
# `release/after-fit.sh` makes what tests compare; `release/after-fit.sh all` the long pages too (about 20 minutes on 2 quiet cores).
set -euo pipefail
cd "$(dirname "$0")/.."
export OPENBLAS_NUM_THREADS=1
step() { echo "== $*"; python "$@"; }

step -m ketasim.chain whole
step -c "from ketasim.evidence.compare.predict import all_evidence; from ketasim.evidence.fit.leave_out import ship_sensitivities; ship_sensitivities(all_evidence())"
step -m ketasim.report.claims_page
step -m ketasim.web.shipped # guide and first picture
step -m ketasim.decide.forward --write docs/forward-predictions.md # keeps the old table under its day: add that to docs/index.md
step -m ketasim.report.sensitivity_page --write docs/sensitivity.md
step -m ketasim.report.outcomes_text --write docs/how-to/naltrexone-trial.md
step -m ketasim.report.worked # the examples of the how-to pages
step -m ketasim.report.trial_tutorial docs/tutorials/table-1-to-power.md
step docs/generate.py --readme # the figure of the README
step docs/blocks.py --write
if [ "${1:-}" = all ]; then
  step -m ketasim.person.calibration --write docs/forecast-calibration.md
  step -m ketasim.report.replay_text --write docs/trial-replay.md --keep "$(mktemp -d)"
fi
step -m ketasim.exchange.credibility_page --write docs/credibility.md
