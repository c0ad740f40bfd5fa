# mrgsolve: LSODA on C++ compiled from the generated model text. Orders on standard input, one line each:
#   people repeat rtol atol method file
# Answers are JSON lines. The folder given as argument holds the CSV files that peers.py wrote.
folder <- commandArgs(trailingOnly = TRUE)[1]
fail <- function(e) { cat(sprintf('{"error": "%s"}\n', gsub('["\n\\\\]', " ", substr(conditionMessage(e), 1, 250)))); flush(stdout()) }
model <- tryCatch({
  suppressMessages(library(mrgsolve))
  m <- mread("model", project = folder, soloc = folder, quiet = TRUE)
  update(m, maxsteps = 1e6, atol = 1e-8)
}, error = function(e) { fail(e); quit(status = 1) })
people <- read.csv(file.path(folder, "people.csv"))
events <- read.csv(file.path(folder, "events.csv"))
times <- scan(file.path(folder, "times.csv"), quiet = TRUE)
states <- readLines(file.path(folder, "states.txt"))
grid <- tgrid(0, 0, 1, add = times)
cat(sprintf('{"version": "%s", "load": 0}\n', as.character(packageVersion("mrgsolve")))); flush(stdout())
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  order <- strsplit(line, " ")[[1]]
  n <- as.integer(order[1]); rtol <- as.numeric(order[3]); atol <- as.numeric(strsplit(order[4], ",")[[1]])
  tryCatch({
    some <- people[people$ID <= n, ]; data <- events[events$ID <= n, ]
    solver <- if (length(atol) > 1) custom_atol(custom_rtol(update(model, rtol = rtol), .default = rtol), as.list(setNames(atol, states)))
              else use_scalar_tol(update(model, rtol = rtol, atol = atol))
    begin <- proc.time()
    for (i in seq_len(as.integer(order[2])))
      found <- mrgsim(solver, data = data, idata = some, tgrid = grid, obsonly = TRUE,
                      output = "df", nocb = FALSE, recsort = 4)
    spent <- proc.time() - begin
    if (order[6] != "-") {
      found <- found[found$time > 0, ]
      con <- file(order[6], "wb"); writeBin(as.vector(t(as.matrix(found[, states]))), con); close(con)
    }
    cat(sprintf('{"cpu": %.6f, "wall": %.6f, "steps": null}\n', spent[["user.self"]] + spent[["sys.self"]], spent[["elapsed"]]))
    flush(stdout())
  }, error = fail)
}
