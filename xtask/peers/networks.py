"""The published networks in PyTorch, grid and widths free: what ours are measured against and held to.

Written from the papers (DP, FA) and their authors' settings. Names are those of the published state dictionaries, so
weights go back and forth with ours. Showers are [n, 1, layer, x, y] in MeV, incident energies [n, 1] in GeV.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def triple(value):
    return (value,) * 3 if isinstance(value, int) else tuple(value)


def conv_size(size, kernel, stride=1, padding=0):
    axes = zip(size, triple(kernel), triple(stride), triple(padding))
    return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in axes)


def conv_transpose_size(size, kernel, stride=1, padding=0, output_padding=0):
    axes = zip(size, triple(kernel), triple(stride), triple(padding), triple(output_padding))
    return tuple((n - 1) * s - 2 * p + k + o for n, k, s, p, o in axes)


def clipped(kernel, size, padding=0):
    """`kernel`, no larger than its padded input: small grids keep the networks' depth."""
    return tuple(min(k, n + 2 * p) for k, n, p in zip(triple(kernel), size, triple(padding)))


def conv(inputs, outputs, kernel, stride=1, padding=0, bias=False):
    return nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=bias)


def conv_transpose(inputs, outputs, kernel, stride=1, padding=0, output_padding=0):
    return nn.ConvTranspose3d(inputs, outputs, kernel, stride, padding, output_padding, bias=False)


class Encoder(nn.Module):
    """BIB-AE encoder: means and log variances of the encoded latent variables."""

    def __init__(self, grid=(30, 30, 30), width=8, encoded=24, hidden=None, bottleneck=768):
        super().__init__()
        hidden = hidden or 500 * width
        size = tuple(grid)
        channels = 1
        for i, outputs in enumerate((width, 2 * width, 4 * width), start=1):
            self.add_module(f"enconv{i}", conv(channels, outputs, 4, 2, 2))
            size = conv_size(size, 4, 2, 2)
            self.add_module(f"bnen{i}", nn.LayerNorm(size))
            channels = outputs
        self.enconv4 = conv(channels, 8 * width, 3, 1, 1)
        self.bnen4 = nn.LayerNorm(size)
        self.fc1 = nn.Linear(8 * width * math.prod(size) + 1, hidden)
        self.fc2 = nn.Linear(hidden, bottleneck)
        self.fc31 = nn.Linear(bottleneck, encoded)
        self.fc32 = nn.Linear(bottleneck, encoded)

    def forward(self, x, energy):
        for layer, norm in ((self.enconv1, self.bnen1), (self.enconv2, self.bnen2), (self.enconv3, self.bnen3),
                            (self.enconv4, self.bnen4)):
            x = F.leaky_relu(norm(layer(x)), 0.2)
        x = torch.cat((x.flatten(1), energy), 1)
        x = F.leaky_relu(self.fc1(x), 0.2)
        x = F.leaky_relu(self.fc2(x), 0.2)
        return self.fc31(x), self.fc32(x)


class Decoder(nn.Module):
    """BIB-AE decoder: showers from latent variables."""

    def __init__(self, grid=(30, 30, 30), width=8, latent=512, hidden=None, bottleneck=768):
        super().__init__()
        hidden = hidden or 500 * width
        grid = tuple(grid)
        self.start = (width, *((g + 2) // 3 for g in grid))
        fine = tuple(2 * g for g in grid)
        padding = tuple(g - ((s - 1) * 3 + 1) for g, s in zip(grid, self.start[1:]))
        self.cond1 = nn.Linear(latent + 1, bottleneck)
        self.cond2 = nn.Linear(bottleneck, hidden)
        self.cond3 = nn.Linear(hidden, math.prod(self.start))
        self.deconv1 = conv_transpose(width, width, 3, 3, 1, padding)
        self.bnde1 = nn.LayerNorm(grid)
        self.deconv2 = conv_transpose(width, 2 * width, 3, 2, 1, 1)
        self.bnde2 = nn.LayerNorm(fine)
        self.conv0 = conv(2 * width, width, 2, 2)
        self.bnco0 = nn.LayerNorm(grid)
        self.conv1 = conv(width, 2 * width, 3, 1, 1)
        self.bnco1 = nn.LayerNorm(grid)
        self.conv2 = conv(2 * width, 4 * width, 3, 1, 1)
        self.bnco2 = nn.LayerNorm(grid)
        self.conv3 = conv(4 * width, 2 * width, 3, 1, 1)
        self.bnco3 = nn.LayerNorm(grid)
        self.conv4 = conv(2 * width, 1, 3, 1, 1)

    def forward(self, z, energy):
        x = torch.cat((z, energy), 1)
        for layer in (self.cond1, self.cond2, self.cond3):
            x = F.leaky_relu(layer(x), 0.2)
        x = x.view(-1, *self.start)
        for layer, norm in ((self.deconv1, self.bnde1), (self.deconv2, self.bnde2), (self.conv0, self.bnco0),
                            (self.conv1, self.bnco1), (self.conv2, self.bnco2), (self.conv3, self.bnco3)):
            x = F.leaky_relu(norm(layer(x)), 0.2)
        return F.relu(self.conv4(x))


class Critic(nn.Module):
    """BIB-AE critic: does `image` look like a shower, and like `source`, of which it is a reconstruction?"""

    def __init__(self, grid=(30, 30, 30), width=128):
        super().__init__()
        half = width // 2
        for branch in "bc":
            size, channels = tuple(grid), 1
            for i, stride in enumerate((2, 2, 1), start=1):
                kernel = clipped(3, size)
                self.add_module(f"conv{i}{branch}", conv(channels, width, kernel, stride))
                size, channels = conv_size(size, kernel, stride), width
                if i < 3:
                    self.add_module(f"bn{i}{branch}", nn.LayerNorm(size))
            self.add_module(f"fc1{branch}", nn.Linear(width * math.prod(size), half))
        self.fc1a = nn.Linear(math.prod(grid), half)
        self.fc1e = nn.Linear(1, half)
        self.fc2 = nn.Linear(4 * half, 2 * width)
        self.fc3 = nn.Linear(2 * width, 2 * width)
        self.fc4 = nn.Linear(2 * width, 2 * width)
        self.fc5 = nn.Linear(2 * width, 1)

    def forward(self, source, image, energy):
        difference = F.leaky_relu(self.fc1a((image - source).flatten(1)), 0.01)
        linear, log = self.branch("b", image), self.branch("c", torch.log(image + 1))
        energy = F.leaky_relu(self.fc1e(energy), 0.2)
        x = torch.cat((linear, log, difference, energy), 1)
        for layer in (self.fc2, self.fc3, self.fc4):
            x = F.leaky_relu(layer(x), 0.2)
        return self.fc5(x)

    def branch(self, name, x):
        layer = lambda kind: getattr(self, kind + name)
        x = F.leaky_relu(layer("bn1")(layer("conv1")(x)), 0.2)
        x = F.leaky_relu(layer("bn2")(layer("conv2")(x)), 0.2)
        x = F.leaky_relu(layer("conv3")(x), 0.2)
        return F.leaky_relu(layer("fc1")(x.flatten(1)), 0.2)


class LatentCritic(nn.Module):
    """One small network for all latent variables: [n, 1] to [n, 1]."""

    def __init__(self, widths=(50, 100, 50)):
        super().__init__()
        sizes = (1, *widths, 1)
        for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), start=1):
            self.add_module(f"linear{i}", nn.Linear(inputs, outputs))

    def forward(self, x):
        for layer in (self.linear1, self.linear2, self.linear3):
            x = F.leaky_relu(layer(x), 0.01)
        return self.linear4(x)


class PostProcessor(nn.Module):
    """Per-cell network that corrects the spectrum of cell energies."""

    def __init__(self, grid=(30, 30, 30), width=128):
        super().__init__()
        half = width // 2
        self.fcec1 = nn.Linear(2, half)
        self.fcec2 = nn.Linear(half, half)
        self.fcec3 = nn.Linear(half, half)
        inputs = 1
        for i in range(1, 5):
            self.add_module(f"conv{i}", conv(inputs, width, 1, bias=True))
            self.add_module(f"bnco{i}", nn.LayerNorm(tuple(grid)))
            inputs = width + half if i == 1 else width
        self.conv5 = conv(width, width, 1, bias=True)
        self.conv6 = conv(width, 1, 1)

    def forward(self, x, energy):
        conditions = torch.cat((x.flatten(1).sum(1, keepdim=True), energy), 1)
        for layer in (self.fcec1, self.fcec2, self.fcec3):
            conditions = F.leaky_relu(layer(conditions), 0.01)
        conditions = conditions[:, :, None, None, None].expand(-1, -1, *x.shape[2:])
        x = F.leaky_relu(self.bnco1(self.conv1(x)), 0.01)
        x = torch.cat((x, conditions), 1)
        for layer, norm in ((self.conv2, self.bnco2), (self.conv3, self.bnco3), (self.conv4, self.bnco4)):
            x = F.leaky_relu(norm(layer(x)), 0.01)
        return self.conv6(F.leaky_relu(self.conv5(x), 0.01))


class GanGenerator(nn.Module):
    """GAN generator. `start` is the grid after the first layer: a grid of 8 start - 2 comes out."""

    def __init__(self, start=(4, 4, 4), width=32, noise=100):
        super().__init__()
        layers, inputs = [], 8 * width
        self.conv1 = conv_transpose(noise, inputs, start)
        for outputs in (4 * width, 2 * width, width):
            layers += [conv_transpose(inputs, outputs, 4, 2, 1), nn.BatchNorm3d(outputs), nn.ReLU()]
            inputs = outputs
        self.main_conv = nn.Sequential(*layers, conv_transpose(inputs, 1, 3, 1, 2), nn.ReLU())

    def forward(self, noise, energy):
        """`noise` [n, noise, 1, 1, 1], uniform in -1..1."""
        return self.main_conv(self.conv1(noise * energy[:, :, None, None, None]))


def minibatch_stddev(x):
    """`x` with one more channel: the mean over cells of the standard deviation (of n - 1) over the batch."""
    variance = x.var(0)
    spread = (variance + 1e-8).sqrt().mean()
    return torch.cat((x, spread.expand(x.shape[0], 1, *x.shape[2:])), 1)


class BatchDifference(nn.Module):
    """How each shower differs from the others of its batch in spread and sum (FA's pion BIB-AE): [n, 4 * widths[-1]]."""

    def __init__(self, widths=(64, 64, 16)):
        super().__init__()
        for name in ("deviation", "sum"):
            for i, (inputs, outputs) in enumerate(zip((1, *widths), widths), start=1):
                self.add_module(f"{name}{i}", nn.Conv1d(inputs, outputs, 1, bias=False))

    def embed(self, name, values):
        differences = (values[None, :] - values[:, None]).unsqueeze(1)
        for i in (1, 2, 3):
            differences = F.leaky_relu(self.get_submodule(f"{name}{i}")(differences), 0.01)
        return differences.std(2), differences.mean(2)

    def forward(self, x):
        cells = x.flatten(1)
        return torch.cat((*self.embed("deviation", cells.std(1)), *self.embed("sum", cells.sum(1))), 1)


class GanDiscriminator(nn.Module):
    """GAN discriminator: the probability that a shower is real; with FA's minibatch standard deviation if wanted."""

    def __init__(self, grid=(30, 30, 30), width=32, stddev=False):
        super().__init__()
        self.stddev = stddev
        size, inputs, layers = tuple(grid), 2 if stddev else 1, []
        plan = ((width, 3), (2 * width, 1), (4 * width, 1), (8 * width, 1), (4 * width, 0))
        for i, (outputs, padding) in enumerate(plan):
            kernel = clipped(3, size, padding)
            layers.append(conv(inputs, outputs, kernel, 2, padding))
            size, inputs = conv_size(size, kernel, 2, padding), outputs
            if 0 < i < 4:
                layers.append(nn.BatchNorm3d(outputs))
            if i < 4:
                layers.append(nn.LeakyReLU(0.2))
        self.main_conv = nn.Sequential(*layers)
        self.fc = nn.Sequential(nn.Linear(inputs * math.prod(size) + 1, 2 * width), nn.LeakyReLU(0.2),
                                nn.Linear(2 * width, 1))

    def logits(self, x, energy):
        x = minibatch_stddev(x) if self.stddev else x
        return self.fc(torch.cat((self.main_conv(x).flatten(1), energy), 1))

    def forward(self, x, energy):
        return torch.sigmoid(self.logits(x, energy))


# Transposed convolutions after the first: channels out in widths, kernel, stride, padding. The last has one filter.
WGAN_LAYERS = ((4, 4, 2, 1), (2, 4, 2, 1), (1, 4, 2, 1), (None, 3, 1, 2))
PION_LAYERS = ((4, (4, 2, 2), 2, 1), (2, (4, 2, 2), 2, 1), (1, 4, (2, 1, 1), 1), (10, (10, 4, 4), 1, 1),
               (5, (8, 3, 3), 1, 1), (None, (7, 4, 4), 1, 1))


class WganGenerator(nn.Module):
    """WGAN generator of photon showers (8 start - 2 cells), and of pion showers with `layers=PION_LAYERS`."""

    def __init__(self, start=(4, 4, 4), width=32, noise=100, layers=WGAN_LAYERS):
        super().__init__()
        self.conv1_1 = conv_transpose(1, 4 * width, start)
        self.conv1_100 = conv_transpose(noise, 4 * width, start)
        modules, inputs, size = [], 8 * width, tuple(start)
        for i, (outputs, kernel, stride, padding) in enumerate(layers):
            # The pion generator's last three layers have as many filters at any width.
            outputs = 1 if outputs is None else outputs if i >= 3 else outputs * width
            modules.append(conv_transpose(inputs, outputs, kernel, stride, padding))
            size, inputs = conv_transpose_size(size, kernel, stride, padding), outputs
            modules += [nn.LayerNorm(size), nn.ReLU()] if i + 1 < len(layers) else [nn.ReLU()]
        self.main_conv = nn.Sequential(*modules)
        self.grid = size

    def forward(self, noise, energy):
        """`noise` [n, noise, 1, 1, 1]."""
        energy = self.conv1_1(energy[:, :, None, None, None])
        return self.main_conv(torch.cat((energy, self.conv1_100(noise)), 1))


# Kernel, stride, padding.
WGAN_KERNELS = (((10, 2, 2), (1, 2, 2), (0, 1, 1)), ((6, 2, 2), (1, 2, 2), 0), ((4, 2, 2), (1, 2, 2), 0),
                ((4, 2, 2), 1, 0))
PION_KERNELS = (((10, 3, 3), 1, 0), ((6, 3, 3), 1, 0), ((4, 3, 3), (1, 2, 2), 0), ((4, 2, 2), 1, 0))


class WganCritic(nn.Module):
    """WGAN critic of photon showers; of pion showers with `kernels=PION_KERNELS`, `hidden=(200, 200, 100, 75)`."""

    def __init__(self, grid=(30, 30, 30), width=32, hidden=(100, 200, 100, 75), kernels=WGAN_KERNELS):
        super().__init__()
        size, inputs = tuple(grid), 1
        self.convs, self.norms, self.linears = [], [], []
        for i, (kernel, stride, padding) in enumerate(kernels, start=1):
            outputs = width * 2 ** (i - 1) if i < len(kernels) else 1
            kernel = clipped(kernel, size, padding)
            self.convs.append(conv(inputs, outputs, kernel, stride, padding))
            self.add_module(f"conv{i}", self.convs[-1])
            size, inputs = conv_size(size, kernel, stride, padding), outputs
            if i < len(kernels):
                self.norms.append(nn.LayerNorm(size))
                self.add_module(f"bn{i}", self.norms[-1])
        sizes = (math.prod(size) + 1, *hidden, 1)
        for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), start=1):
            self.linears.append(nn.Linear(inputs, outputs))
            self.add_module(f"fc{i}", self.linears[-1])

    def forward(self, x, energy):
        for layer, norm in zip(self.convs, self.norms):
            x = F.leaky_relu(norm(layer(x)), 0.2)
        x = torch.cat((self.convs[-1](x).flatten(1), energy), 1)
        for layer in self.linears[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
        return self.linears[-1](x)


class Constrainer(nn.Module):
    """The WGAN's frozen network that tells the incident energy of a shower."""

    def __init__(self, grid=(30, 30, 30), width=16, hidden=100):
        super().__init__()
        first, second = clipped(3, grid), None
        self.conv1 = conv(1, width, first, 2)
        size = conv_size(grid, first, 2)
        self.bn1 = nn.LayerNorm(size)
        second = clipped(3, size)
        self.conv2 = conv(width, 2 * width, second, 2)
        size = conv_size(size, second, 2)
        self.bn2 = nn.LayerNorm(size)
        third = clipped(2, size)
        self.conv3 = conv(2 * width, width, third)
        self.fc1 = nn.Linear(width * math.prod(conv_size(size, third)), hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, x):
        x = F.leaky_relu(self.bn1(self.conv1(x)), 0.2)
        x = F.leaky_relu(self.bn2(self.conv2(x)), 0.2)
        x = F.leaky_relu(self.fc1(self.conv3(x).flatten(1)), 0.2)
        return F.relu(self.fc2(x))
