# Survival values for models_golden.py from R's survival package (and least squares, logistic regression from stats).
#   Rscript tests/golden/models_golden.R data.csv
suppressMessages(library(survival))
d <- read.csv(commandArgs(TRUE)[1])
out <- function(name, x) cat(sprintf("static const double %s[] = {%s};\n", name, paste(sprintf("%.17g", as.vector(x)), collapse = ", ")))
cat("/*", R.version.string, "survival", as.character(packageVersion("survival")), "*/\n")
tight <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-14)
for (ties in c("efron", "breslow")) for (weighted in c(FALSE, TRUE)) {
    d$u <- if (weighted) d$w else 1
    m <- coxph(Surv(time, event) ~ x1 + x2 + x3, data = d, weights = u, ties = ties, robust = FALSE, control = tight)
    out(sprintf("golden_cox_%s%s", ties, if (weighted) "_weighted" else ""), c(coef(m), vcov(m), -m$loglik[2]))
}
m <- coxph(Surv(time, event) ~ x1 + x2 + x3, data = d, ties = "breslow", control = tight)
h <- basehaz(m, centered = FALSE)
out("golden_baseline", c(approx(h$time, h$hazard, c(1, 2, 4, 6), method = "constant", yleft = 0, rule = 2)$y))
k <- concordance(Surv(time, event) ~ r, data = d, reverse = TRUE)
out("golden_concordance", c(k$concordance, k$var, k$count["concordant"], k$count["tied.x"]))
f <- survfit(Surv(time, event) ~ 1, data = d)
out("golden_km", summary(f, times = c(1, 2, 4, 6))$surv)
g <- glm(y ~ x1 + x2 + x3, family = binomial, data = d, weights = d$w, control = list(epsilon = 1e-15, maxit = 100))
out("golden_logistic", c(coef(g), vcov(g)))
l <- lm(z ~ x1 + x2 + x3, data = d)
out("golden_linear", c(coef(l), vcov(l)))
