# The DeLong values of stats_golden.py repeated with pROC, and pROC's own published example.
#   python3 tests/golden/stats_golden.py --csv two.csv && Rscript tests/golden/auc_golden.R two.csv
suppressMessages(library(pROC))
d <- read.csv(commandArgs(TRUE)[1])
a <- roc(d$y, d$a, quiet = TRUE, direction = "<")
b <- roc(d$y, d$b, quiet = TRUE, direction = "<")
cat("pROC", as.character(packageVersion("pROC")), "\n")
cat(sprintf("auc %.17g %.17g\n", auc(a), auc(b)))
cat(sprintf("var %.17g %.17g cov %.17g\n", var(a), var(b), cov(a, b)))
cat("ci a", sprintf("%.17g", ci(a)[c(1, 3)]), "b", sprintf("%.17g", ci(b)[c(1, 3)]), "\n")
t <- roc.test(a, b, method = "delong")
cat(sprintf("z %.17g p %.17g\n", t$statistic, t$p.value))
data(aSAH)
for (v in c("s100b", "ndka", "wfns")) {
    r <- roc(aSAH$outcome, as.numeric(aSAH[[v]]), quiet = TRUE, direction = "<")
    cat(v, sprintf("%.17g", c(auc(r), var(r), ci(r)[c(1, 3)])), "\n")
}
