# The calls behind the R numbers in the tests of this folder (R 4.2.2; nlme 3.1-162, survival 3.5-3, cmprsk 2.2-11, rpact 3.3.4).
# Not run by the tests. Rscript oracles.R, in this folder.
library(nlme)

long <- function(file, visits) {
  wide <- read.csv(file)
  d <- reshape(wide, direction = "long", varying = visits, v.names = "y", timevar = "t", times = seq_along(visits), idvar = "person")
  d <- d[!is.na(d$y), ]
  d$visit <- factor(d$t)
  d
}
tight <- glsControl(tolerance = 1e-10, msTol = 1e-12, opt = "optim", msMaxIter = 500, maxIter = 200)
fev <- long("fev_wide.csv", paste0("visit", 1:4))
fit <- gls(y ~ race + sex + arm * visit, fev, correlation = corSymm(form = ~ t | person), weights = varIdent(form = ~ 1 | visit), control = tight)
print(-2 * logLik(fit), digits = 12)
print(summary(fit)$tTable, digits = 11)

hamd <- long("antidepressant_wide.csv", c("week1", "week2", "week4", "week6"))
fit <- gls(y ~ 0 + visit + visit:arm + visit:baseline, hamd, correlation = corSymm(form = ~ t | person), weights = varIdent(form = ~ 1 | visit), control = tight)
print(-2 * logLik(fit), digits = 12)
print(summary(fit)$tTable, digits = 11)

library(survival)
made <- read.csv("relapse_made.csv")
made$any <- as.integer(made$kind > 0)
two <- made[made$arm < 2, ]
cat("log-rank\n")
fit <- survdiff(Surv(time, any) ~ arm, two); print(c(fit$obs[2], fit$exp[2], fit$var[2, 2], fit$chisq), digits = 12)
fit <- survdiff(Surv(time, any) ~ arm + strata(site), two); print(c(sum(fit$obs[2, ]), sum(fit$exp[2, ]), fit$var[2, 2], fit$chisq), digits = 12)
cat("Cox\n")
print(summary(coxph(Surv(time, any) ~ factor(arm), made, ties = "efron", control = coxph.control(eps = 1e-12)))$coefficients, digits = 12)
print(summary(coxph(Surv(time, any) ~ factor(arm) + score + strata(site), made, ties = "efron", control = coxph.control(eps = 1e-12)))$coefficients, digits = 12)
print(summary(coxph(Surv(time, any) ~ factor(arm) + strata(site), made, ties = "efron", control = coxph.control(eps = 1e-12)))$coefficients, digits = 12)
cat("covariance within strata (of the times, as numbers)\n")
fit <- lm(time ~ factor(arm) + score + factor(site), made); print(summary(fit)$coefficients, digits = 13); print(fit$df.residual)
cat("Kaplan-Meier\n")
fit <- summary(survfit(Surv(time, any) ~ arm, made, conf.type = "log-log"), times = c(7, 14, 28)); print(fit$surv, digits = 12); print(fit$std.err, digits = 12); print(fit$lower, digits = 12); print(fit$upper, digits = 12); print(fit$n.risk)
cat("restricted mean to 28\n")
print(summary(survfit(Surv(time, any) ~ arm, made), rmean = 28)$table[, c("rmean", "se(rmean)")], digits = 12)
cat("competing risks\n")
library(etm)
for (a in 0:2) {
  d <- made[made$arm == a, ]
  fit <- etmCIF(Surv(time, kind != 0) ~ 1, d, etype = kind, failcode = 1)
  s <- summary(fit)[[1]][["CIF 1"]]
  print(s[findInterval(c(7, 14, 28), s$time), c("time", "P", "var")], digits = 12)
}
print(cmprsk::cuminc(made$time, made$kind, made$arm, cencode = 0)$Tests, digits = 12)
print(cmprsk::cuminc(two$time, two$kind, two$arm, cencode = 0)$Tests, digits = 12)
for (a in 1:2) {
  d <- made[made$arm %in% c(0, a), ]
  print(cmprsk::cuminc(d$time, d$kind, d$arm, cencode = 0)$Tests, digits = 14)
}

cat("shares: an event of kind 1 before day 20\n")
made$y <- as.integer(made$kind == 1 & made$time < 20)
for (a in 1:2) {
  d <- made[made$arm %in% c(0, a), ]
  t <- table(d$arm, d$y)
  print(c(prop.test(t[2:1, 2:1], correct = FALSE)$p.value, fisher.test(t)$p.value), digits = 12)
  m <- mantelhaen.test(table(d$arm, d$y, d$site), correct = FALSE); print(c(m$statistic, m$p.value), digits = 12)
  k <- aggregate(cbind(y, n = 1) ~ arm + site, d, sum)
  i <- k[k$arm == a, ]; o <- k[k$arm == 0, ]
  f <- metafor::rma.mh(ai = i$y, n1i = i$n, ci = o$y, n2i = o$n, measure = "RD"); print(c(f$beta, f$se), digits = 12)
}
print(summary(glm(y ~ factor(arm) + score, binomial, made, control = glm.control(epsilon = 1e-14)))$coefficients, digits = 12)

suppressMessages(library(rpact))
cat("bounds\n")
for (type in c("OF", "P", "asOF", "asP")) print(getDesignGroupSequential(kMax = 3, alpha = 0.025, typeOfDesign = type)$criticalValues, digits = 10)
uneven <- c(0.3, 0.55, 0.8, 1)
print(getDesignGroupSequential(informationRates = uneven, alpha = 0.025, typeOfDesign = "asOF")$criticalValues, digits = 10)
print(getDesignGroupSequential(informationRates = uneven, alpha = 0.025, typeOfDesign = "asKD", gammaA = 2)$criticalValues, digits = 10)
found <- getPowerAndAverageSampleNumber(getDesignGroupSequential(kMax = 3, alpha = 0.025, typeOfDesign = "OF"), theta = 0.4, nMax = 52.5)
print(c(found$overallReject, found$averageSampleNumber), digits = 10)
found <- getPowerAndAverageSampleNumber(getDesignGroupSequential(kMax = 3, alpha = 0.025, typeOfDesign = "asOF", futilityBounds = c(0, 0.5)), theta = 0.4, nMax = 52.5)
print(c(found$overallReject, found$earlyStop), digits = 10)
cat("power and size\n")
fixed <- getDesignGroupSequential(kMax = 1, alpha = 0.05, sided = 2)
print(getPowerMeans(fixed, alternative = 0.4, stDev = 1, maxNumberOfSubjects = 200)$overallReject, digits = 9)
three <- getDesignGroupSequential(kMax = 3, alpha = 0.05, sided = 2, typeOfDesign = "asOF")
print(getPowerMeans(three, alternative = 0.4, stDev = 1, maxNumberOfSubjects = 210)$overallReject, digits = 9)
print(getSampleSizeMeans(getDesignGroupSequential(kMax = 1, alpha = 0.05, sided = 2, beta = 0.1), alternative = 3, stDev = 8)$numberOfSubjects, digits = 10)
print(getSampleSizeMeans(getDesignGroupSequential(kMax = 1, alpha = 0.05, sided = 2, beta = 0.2), alternative = 0.4, stDev = 1, allocationRatioPlanned = 2)$numberOfSubjects, digits = 10)
print(getSampleSizeSurvival(getDesignGroupSequential(kMax = 1, alpha = 0.05, sided = 2, beta = 0.2), hazardRatio = 0.6, lambda2 = 0.05, accrualTime = 12, followUpTime = 10)$eventsFixed, digits = 9)
survive <- function(kMax, events) getSimulationSurvival(getDesignGroupSequential(kMax = kMax, alpha = 0.025, sided = 1, typeOfDesign = "OF"),
  hazardRatio = 0.7, lambda2 = log(2) / 20, accrualTime = c(0, 12), maxNumberOfSubjects = 300, plannedEvents = events,
  directionUpper = FALSE, maxNumberOfIterations = 100000, seed = 1)$overallReject
print(c(survive(1, 220), survive(3, c(74, 148, 222))), digits = 9)
