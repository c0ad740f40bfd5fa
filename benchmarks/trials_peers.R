# What R's packages do of the same work, timed inside this process (processor and wall seconds): called by trials.py, once a round.
# Rscript trials_peers.R FOLDER ; FOLDER holds mmrm.csv (trials 0, 1, ...), life.csv (trials in columns of equal length).
folder <- commandArgs(TRUE)[1]
timed <- function(name, number, work) {
  begin <- proc.time()
  found <- work()
  spent <- proc.time() - begin
  cat(sprintf("%s|%d|%.6f|%.6f|%.8g\n", name, number, spent[["elapsed"]], spent[["user.self"]] + spent[["sys.self"]], found))
}
have <- function(package) suppressMessages(requireNamespace(package, quietly = TRUE))
if (have("nlme")) {
  suppressMessages(library(nlme))
  d <- read.csv(file.path(folder, "mmrm.csv"))
  d$visit <- factor(d$t)
  number <- length(unique(d$trial))
  timed(paste("MMRM, nlme::gls", packageVersion("nlme")), number, function() {
    mean(sapply(split(d, d$trial), function(one) {
      f <- gls(y ~ 0 + visit + visit:arm + visit:baseline, one, correlation = corSymm(form = ~ t | person), weights = varIdent(form = ~ 1 | visit))
      coef(f)[["visit5:arm"]]
    }))
  })
}
life <- read.csv(file.path(folder, "life.csv"))
trials <- split(life, life$trial)
if (have("survival")) {
  suppressMessages(library(survival))
  version <- packageVersion("survival")
  timed(paste("log-rank, survival", version), length(trials), function() mean(sapply(trials, function(d) survdiff(Surv(time, kind == 1) ~ arm, d)$chisq)))
  timed(paste("Cox, survival", version), length(trials), function() mean(sapply(trials, function(d) coef(coxph(Surv(time, kind == 1) ~ arm, d)))))
}
if (have("cmprsk")) {
  timed(paste("Gray, cmprsk", packageVersion("cmprsk")), length(trials), function() mean(sapply(trials, function(d) cmprsk::cuminc(d$time, d$kind, d$arm, cencode = 0)$Tests[1, "stat"])))
}
if (have("rpact")) {
  suppressMessages(library(rpact))
  version <- packageVersion("rpact")
  three <- getDesignGroupSequential(kMax = 3, alpha = 0.025, typeOfDesign = "asOF")
  timed(paste("power with three looks, rpact", version), 4000L, function() {
    getSimulationMeans(three, alternative = 0.4, stDev = 1, plannedSubjects = c(70, 140, 210), maxNumberOfIterations = 4000, seed = 1)$overallReject
  })
  plan <- getDesignGroupSequential(kMax = 3, alpha = 0.025, typeOfDesign = "OF")
  timed(paste("power of a survival trial, rpact", version), 4000L, function() {
    getSimulationSurvival(plan, hazardRatio = 0.7, lambda2 = log(2) / 20, accrualTime = c(0, 12), maxNumberOfSubjects = 300,
      plannedEvents = c(74, 148, 222), directionUpper = FALSE, maxNumberOfIterations = 4000, seed = 1)$overallReject
  })
}
