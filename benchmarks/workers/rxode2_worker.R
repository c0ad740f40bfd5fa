# rxode2: liblsoda or dop853 on C compiled from the generated model text. Same orders and answers as mrgsolve_worker.R.
folder <- commandArgs(trailingOnly = TRUE)[1]
fail <- function(e) { cat(sprintf('{"error": "%s"}\n', gsub('["\n\\\\]', " ", substr(conditionMessage(e), 1, 250)))); flush(stdout()) }
model <- tryCatch({
  suppressMessages(library(rxode2))
  setRxThreads(1)
  rxode2(paste(readLines(file.path(folder, "model.rx")), collapse = "\n"))
}, error = function(e) { fail(e); quit(status = 1) })
people <- read.csv(file.path(folder, "people.csv"))
events <- read.csv(file.path(folder, "events.csv"))
times <- scan(file.path(folder, "times.csv"), quiet = TRUE)
states <- readLines(file.path(folder, "states.txt"))
inputs <- setdiff(names(events), c("ID", "time", "evid", "amt", "cmt"))
course <- function(n) {
  # observations carry the inputs of the segment they lie in
  some <- events[events$ID <= n, ]
  seen <- do.call(rbind, lapply(split(some, some$ID), function(mine) {
    rows <- mine[findInterval(times, mine$time), ]; rows$time <- times; rows$evid <- 0; rows$amt <- 0; rows }))
  all <- rbind(some, seen); all$cmt <- states[all$cmt]
  all <- all[order(all$ID, all$time, -all$evid), ]; names(all)[1] <- "id"; all
}
cat(sprintf('{"version": "%s", "load": 0}\n', as.character(packageVersion("rxode2")))); flush(stdout())
prepared <- list()
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  order <- strsplit(line, " ")[[1]]
  n <- as.integer(order[1]); rtol <- as.numeric(order[3]); atol <- as.numeric(strsplit(order[4], ",")[[1]])
  tryCatch({
    if (is.null(prepared[[order[1]]])) prepared[[order[1]]] <- course(n)
    some <- people[people$ID <= n, ]; names(some)[1] <- "id"
    begin <- proc.time()
    for (i in seq_len(as.integer(order[2])))
      found <- rxSolve(model, some, prepared[[order[1]]], method = order[5], rtol = rtol, atol = atol, maxsteps = 1e6,
                       covsInterpolation = "locf", returnType = "data.frame", cores = 1)
    spent <- proc.time() - begin
    if (order[6] != "-") {
      con <- file(order[6], "wb"); writeBin(as.vector(t(as.matrix(found[, states]))), con); close(con)
    }
    cat(sprintf('{"cpu": %.6f, "wall": %.6f, "steps": null}\n', spent[["user.self"]] + spent[["sys.self"]], spent[["elapsed"]]))
    flush(stdout())
  }, error = fail)
}
