/* What every benchmark shares: a clock, the machine's measured peak, and the smallest time of several runs. */
#ifndef MNK_BENCH_H
#define MNK_BENCH_H

#include <stdbool.h>

/* Seconds. Wall time; process CPU time with `bench_use_cpu_clock` (one thread: robust on a shared machine). */
double bench_now_s(void);
void bench_use_cpu_clock(bool on);

/* Common flags: --threads N, --cpu (CPU clock, implies one thread), --seconds S for each figure. Returns the first operand's
 * index; exits with 2 on an unknown flag. */
typedef struct bench_options {
    int threads;
    double seconds;
    bool cpu;
} bench_options;
int bench_parse(int argc, char **argv, bench_options *o);

/* Smallest time of f(ctx) over `seconds`, after one call to warm up. */
double bench_best_s(double seconds, void (*f)(void *ctx), void *ctx);

/* Measured GFLOP/s of fused multiply-adds on registers, on all of the threads in force. */
double bench_peak_gflops(void);

#endif
