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
