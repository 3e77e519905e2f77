#include "learn/gan/loss.h"

#include <math.h>

static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

/* Hinge (Lim & Ye 2017; Miyato et al. 2018): D: max(0, 1 - r) + max(0, 1 + f); G: -f. */
static double hinge_discriminator(const float *real, const float *fake, size_t n, float *grad_real, float *grad_fake) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double r = 1 - (double)real[i], f = 1 + (double)fake[i];
        sum += fmax(0, r) + fmax(0, f) + 0 * (r + f); /* the last term keeps NaN, which fmax drops */
        grad_real[i] = r > 0 ? -1.0f / (float)n : 0;
        grad_fake[i] = f > 0 ? 1.0f / (float)n : 0;
    }
    return sum / (double)n;
}

static double hinge_generator(const float *real, const float *fake, size_t n, float *grad_fake) {
    (void)real;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum -= (double)fake[i];
        grad_fake[i] = -1.0f / (float)n;
    }
    return sum / (double)n;
}

/* Non-saturating logistic (Goodfellow et al. 2014): D: softplus(-r) + softplus(f); G: softplus(-f). */
static double logistic_discriminator(const float *real, const float *fake, size_t n, float *grad_real, float *grad_fake) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += softplus(-(double)real[i]) + softplus(fake[i]);
        grad_real[i] = (float)(-sigmoid(-(double)real[i]) / (double)n);
        grad_fake[i] = (float)(sigmoid(fake[i]) / (double)n);
    }
    return sum / (double)n;
}

static double logistic_generator(const float *real, const float *fake, size_t n, float *grad_fake) {
    (void)real;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += softplus(-(double)fake[i]);
        grad_fake[i] = (float)(-sigmoid(-(double)fake[i]) / (double)n);
    }
    return sum / (double)n;
}

/* Relativistic pairing (Jolicoeur-Martineau 2019; Huang et al. 2024, R3GAN), pairs of one class:
 * D: softplus(-(r - f)); G: softplus(-(f - r)). */
static double relativistic_discriminator(const float *real, const float *fake, size_t n, float *grad_real, float *grad_fake) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = (double)real[i] - (double)fake[i];
        sum += softplus(-difference);
        grad_fake[i] = (float)(sigmoid(-difference) / (double)n);
        grad_real[i] = -grad_fake[i];
    }
    return sum / (double)n;
}

static double relativistic_generator(const float *real, const float *fake, size_t n, float *grad_fake) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = (double)fake[i] - (double)real[i];
        sum += softplus(-difference);
        grad_fake[i] = (float)(-sigmoid(-difference) / (double)n);
    }
    return sum / (double)n;
}

const mnk_gan_loss mnk_gan_losses[3] = {
    {"hinge", 2, false, hinge_discriminator, hinge_generator},
    {"logistic", 2 * 0.693147180559945309, false, logistic_discriminator, logistic_generator},
    {"relativistic", 0.693147180559945309, true, relativistic_discriminator, relativistic_generator},
};
