"""The GAN training step of bench_gan_step.c in PyTorch, in its best configuration on a CPU.

usage: torch_gan_step.py PIXELS WIDTH [--steps N] [--threads N] [--cpu] [--channels-last]

Transposed convolutions run through the convolution kernels (what PyTorch 2.1 and later do by themselves); plain
ConvTranspose2d of 1.13 is slower. Prints `best_ms VALUE`; says so and ends with 0 when PyTorch is not installed.
"""
import argparse
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch.nn import grad as conv_grad
except ImportError:
    print("skipped: PyTorch is not installed (apt-get install python3-torch)")
    sys.exit(0)

CLASSES, NOISE, BATCH = 3, 100, 64


class TransposedConv(torch.autograd.Function):
    """Transposed convolution k4 s2 p1 as the data gradient of a convolution."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        size = (x.shape[0], weight.shape[1], 2 * x.shape[2], 2 * x.shape[3])
        return conv_grad.conv2d_input(size, weight, x, stride=2, padding=1)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        layout = torch.channels_last if OPTIONS.channels_last else torch.contiguous_format
        dy = dy.contiguous(memory_format=layout)
        dx = F.conv2d(dy, weight, None, 2, 1)
        return dx, conv_grad.conv2d_weight(dy, weight.shape, x, stride=2, padding=1)


class Deconv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs, 4, 4) * 0.02)

    def forward(self, x):
        return TransposedConv.apply(x, self.weight)


class Generator(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.top = widths[-1]
        self.fc = nn.Linear(NOISE + CLASSES, self.top * 16, bias=False)
        layers = []
        for wide, narrow in zip(reversed(widths[1:]), reversed(widths[:-1])):
            layers += [nn.BatchNorm2d(wide), nn.ReLU(True), Deconv(wide, narrow)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z):
        h = self.fc(z).view(-1, self.top, 4, 4)
        if OPTIONS.channels_last:
            h = h.contiguous(memory_format=torch.channels_last)
        return self.layers(h)


class Discriminator(nn.Module):
    def __init__(self, widths):
        super().__init__()
        layers = [nn.Conv2d(3, widths[1], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
        for narrow, wide in zip(widths[1:-1], widths[2:]):
            layers += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2, True)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1] * 16, 1, bias=False)
        self.classes = nn.Embedding(CLASSES, widths[-1] * 16)

    def forward(self, x, y):
        h = self.layers(x).flatten(1)
        return self.head(h)[:, 0] + (h * self.classes(y)).sum(1)


def main():
    widths = [3] + [OPTIONS.width << i for i in range(OPTIONS.pixels.bit_length() - 3)]
    torch.set_num_threads(OPTIONS.threads)
    torch.manual_seed(1)
    g, d = Generator(widths), Discriminator(widths)
    real = torch.rand(BATCH, 3, OPTIONS.pixels, OPTIONS.pixels) * 2 - 1
    if OPTIONS.channels_last:
        g, d = g.to(memory_format=torch.channels_last), d.to(memory_format=torch.channels_last)
        real = real.contiguous(memory_format=torch.channels_last)
    g_adam = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    d_adam = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    average = [p.detach().clone() for p in g.parameters()]
    y = torch.arange(BATCH) % CLASSES
    z = torch.cat([torch.randn(BATCH, NOISE), F.one_hot(y, CLASSES).float()], 1)
    one, zero = torch.ones(BATCH), torch.zeros(BATCH)
    loss = F.binary_cross_entropy_with_logits

    def step():
        d_adam.zero_grad(set_to_none=True)
        fake = g(z)
        loss(d(real, y), one).backward()
        loss(d(fake.detach(), y), zero).backward()
        d_adam.step()
        for p in d.parameters():
            p.requires_grad_(False)
        g_adam.zero_grad(set_to_none=True)
        loss(d(fake, y), one).backward()
        g_adam.step()
        for p in d.parameters():
            p.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_mul_(average, 0.999)
            torch._foreach_add_(average, list(g.parameters()), alpha=0.001)

    clock = time.process_time if OPTIONS.cpu else time.perf_counter
    step()
    best = float("inf")
    for _ in range(OPTIONS.steps):
        start = clock()
        step()
        best = min(best, clock() - start)
    print(f"best_ms {best * 1e3:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pixels", type=int)
    parser.add_argument("width", type=int)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu", action="store_true", help="process CPU time")
    parser.add_argument("--channels-last", action="store_true")
    OPTIONS = parser.parse_args()
    main()
