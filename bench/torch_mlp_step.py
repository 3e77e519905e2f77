"""The table-GAN training step of bench_mlp_step.c in PyTorch.

usage: torch_mlp_step.py [--steps N] [--threads N] [--cpu] [--foreach]

Prints `best_ms VALUE mean_ms VALUE`; says so and ends with 0 when PyTorch is not installed.
"""
import argparse
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    print("skipped: PyTorch is not installed (apt-get install python3-torch)")
    sys.exit(0)

BATCH, NOISE, HIDDEN, COLUMNS = 500, 128, 256, 64


def generator():
    layers, inputs = [], NOISE
    for _ in range(2):
        layers += [nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(True)]
        inputs = HIDDEN
    return nn.Sequential(*layers, nn.Linear(HIDDEN, COLUMNS))


def discriminator():
    layers, inputs = [], COLUMNS
    for _ in range(2):
        layers += [nn.Linear(inputs, HIDDEN), nn.LeakyReLU(0.2, True)]
        inputs = HIDDEN
    return nn.Sequential(*layers, nn.Linear(HIDDEN, 1))


def main(options):
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    g, d = generator(), discriminator()
    g_adam = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.9), foreach=options.foreach)
    d_adam = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.9), foreach=options.foreach)
    z, rows = torch.randn(BATCH, NOISE), torch.randn(BATCH, COLUMNS)
    one = torch.ones(BATCH, 1)
    both = torch.cat([torch.zeros(BATCH, 1), one])

    def step():
        fake = g(z)
        d_adam.zero_grad(set_to_none=True)
        score = d(torch.cat([fake.detach(), rows]))
        (2 * F.binary_cross_entropy_with_logits(score, both)).backward()
        d_adam.step()
        for p in d.parameters():
            p.requires_grad_(False)
        g_adam.zero_grad(set_to_none=True)
        F.binary_cross_entropy_with_logits(d(fake), one).backward()
        g_adam.step()
        for p in d.parameters():
            p.requires_grad_(True)

    clock = time.process_time if options.cpu else time.perf_counter
    for _ in range(5):
        step()
    times = []
    for _ in range(options.steps):
        start = clock()
        step()
        times.append(clock() - start)
    print(f"best_ms {min(times) * 1e3:.3f} mean_ms {sum(times) / len(times) * 1e3:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu", action="store_true", help="process CPU time")
    parser.add_argument("--foreach", action="store_true")
    main(parser.parse_args())
