"""Makes the golden files beside this script; see README.md.

    python crates/calo-nn/tests/data/goldens/make_goldens.py

Needs torch and numpy. Everything is computed in float64 and stored as float32, so the files hold what is right to
float32's rounding, and float32 and float64 code can both be held to them. At the end the script says how far
PyTorch's own float32 is from them.
"""

import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
OPERATIONS = HERE.parents[3] / "calo-tensor" / "tests" / "data" / "goldens"
sys.path.insert(0, str(HERE.parents[4] / "xtask" / "peers"))

import networks as net  # noqa: E402
import losses  # noqa: E402

N = 2
WINDOWS = 30  # of 100 sorted cells at 0, 25, ...: as many as the grid has room for
# Every output padding of the decoder (0, 1, 2), and a critic whose kernels are clipped along the first axis.
GRID = (7, 11, 12)


class Golden:
    """Tensors on their way to one file, all made in `dtype` from float32 inputs."""

    def __init__(self, seed, dtype):
        self.tensors, self.networks, self.dtype = {}, {}, dtype
        self.random = torch.Generator().manual_seed(seed)

    def keep(self, name, tensor):
        # Assigned once: a name that is met twice would hide a mistake.
        assert name not in self.tensors, name
        self.tensors[name] = tensor.detach().clone()
        return tensor

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.random).to(self.dtype)

    def uniform(self, *shape, low=0.0, high=1.0):
        return (low + (high - low) * torch.rand(*shape, generator=self.random)).to(self.dtype)

    def showers(self, n, grid, scale=0.3):
        """Sparse cells with a falling spectrum, as showers have."""
        hit = self.uniform(n, *grid) < 0.6
        return (scale * torch.exp(self.normal(n, *grid)) * hit).float().to(self.dtype)

    def network(self, name, network, scales=None, **settings):
        """`network` with weights from this file's generator, some scaled: LayerNorm and BatchNorm off (1, 0)."""
        state = network.state_dict()
        for key, value in state.items():
            module, _, kind = key.rpartition(".")
            is_norm = isinstance(network.get_submodule(module), (torch.nn.LayerNorm, torch.nn.BatchNorm3d))
            if kind == "num_batches_tracked":
                continue
            if kind == "running_var":
                fresh = self.uniform(*value.shape, low=0.5, high=1.5)
            elif kind == "weight" and not is_norm:
                fresh = self.normal(*value.shape) * (1.5 / value[0].numel()) ** 0.5
            else:
                fresh = self.normal(*value.shape) * 0.2 + (1.0 if kind == "weight" else 0.0)
            state[key] = (fresh * (scales or {}).get(key, 1.0)).float()
        network.load_state_dict(state)
        network.to(self.dtype)
        for key, value in network.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                self.keep(f"{name}.weights.{key}", value)
        self.networks[name] = settings
        return network

    def gradients(self, name, network):
        for key, parameter in network.named_parameters():
            if parameter.grad is not None:
                self.keep(f"{name}.grad.{key}", parameter.grad)
        network.zero_grad(set_to_none=True)


def operation(golden, name, operands, forward, cotangent=True, settings=None, penalty=True):
    """One operation: y, the gradients of s = sum(c * y^2), and those of the penalty on s's gradient for x."""
    operands = {key: golden.keep(f"{name}.{key}", value).detach().requires_grad_() for key, value in operands.items()}
    for key, value in (settings or {}).items():
        golden.keep(f"{name}.{key}", torch.tensor(value))
    y = golden.keep(f"{name}.y", forward(**operands))
    score = y
    if cotangent:
        c = golden.keep(f"{name}.c", golden.normal(*y.shape))
        score = (c * y * y).sum()
    first = torch.autograd.grad(score, list(operands.values()), create_graph=True)
    for key, gradient in zip(operands, first):
        golden.keep(f"{name}.grad.{key}", gradient)
    if not penalty:
        return
    gradient = first[0].flatten(1)
    value = golden.keep(f"{name}.penalty", (gradient.norm(dim=1) - 1).square().mean())
    second = torch.autograd.grad(value, list(operands.values()), allow_unused=True)
    for (key, operand), gradient in zip(operands.items(), second):
        golden.keep(f"{name}.penalty_grad.{key}", torch.zeros_like(operand) if gradient is None else gradient)


def operations(dtype):
    g = Golden(1, dtype)
    conv3d = {
        "stride_padding": ((2, 3, 5, 6, 4), (4, 3, 3, 2, 1), (2, 1, 1), (1, 0, 0), True),
        "wide_kernel": ((2, 2, 6, 5, 7), (3, 2, 4, 3, 2), (1, 2, 3), (2, 1, 0), False),
        "per_cell": ((2, 3, 3, 4, 2), (2, 3, 1, 1, 1), (1, 1, 1), (0, 0, 0), True),
        "rest_unread": ((2, 2, 6, 7, 6), (2, 2, 2, 3, 3), (3, 2, 2), (0, 0, 0), False),
    }
    for case, (x, weight, stride, padding, bias) in conv3d.items():
        operands = {"x": g.normal(*x), "weight": g.normal(*weight) * 0.3}
        if bias:
            operands["bias"] = g.normal(weight[0])
        operation(g, f"conv3d.{case}", operands,
                  lambda x, weight, bias=None: F.conv3d(x, weight, bias, stride, padding),
                  settings={"stride": stride, "padding": padding})
    conv_transpose3d = {
        "output_padding": ((2, 3, 2, 3, 2), (3, 2, 3, 2, 4), (3, 1, 2), (1, 0, 1), (2, 0, 1), True),
        "short": ((2, 2, 3, 2, 4), (2, 3, 2, 3, 1), (2, 2, 1), (0, 1, 0), (1, 1, 0), False),
        "doubling": ((2, 2, 2, 3, 3), (2, 2, 4, 4, 4), (2, 2, 2), (1, 1, 1), (0, 0, 0), False),
        "gaps": ((2, 2, 2, 3, 2), (2, 2, 1, 2, 2), (3, 3, 2), (0, 0, 0), (2, 1, 0), True),
    }
    for case, (x, weight, stride, padding, output_padding, bias) in conv_transpose3d.items():
        operands = {"x": g.normal(*x), "weight": g.normal(*weight) * 0.3}
        if bias:
            operands["bias"] = g.normal(weight[1])
        operation(g, f"conv_transpose3d.{case}", operands,
                  lambda x, weight, bias=None: F.conv_transpose3d(x, weight, bias, stride, padding, output_padding),
                  settings={"stride": stride, "padding": padding, "output_padding": output_padding})

    def norm_operands(shape, affine):
        return {"x": g.normal(*shape) * 2 + 0.5, "weight": 1 + 0.3 * g.normal(*affine), "bias": 0.3 * g.normal(*affine)}

    operation(g, "layer_norm.plain", norm_operands((2, 3, 4, 3, 2), (4, 3, 2)),
              lambda x, weight, bias: F.layer_norm(x, weight.shape, weight, bias))
    operation(g, "layer_norm.leaky_relu", norm_operands((2, 3, 3, 5, 4), (3, 5, 4)),
              lambda x, weight, bias: F.leaky_relu(F.layer_norm(x, weight.shape, weight, bias), 0.2),
              settings={"slope": 0.2})
    operands = norm_operands((3, 2, 4, 3, 2), (2,))
    mean, variance = g.normal(2), g.uniform(2, low=0.5, high=2.0)
    for mode in ("train", "eval"):
        running = (g.keep(f"batch_norm.{mode}.running_mean", mean.clone()),
                   g.keep(f"batch_norm.{mode}.running_var", variance.clone()))
        operation(g, f"batch_norm.{mode}", operands,
                  lambda x, weight, bias: F.batch_norm(x, *running, weight, bias, training=mode == "train"))
        if mode == "train":
            g.keep("batch_norm.train.running_mean_after", running[0])
            g.keep("batch_norm.train.running_var_after", running[1])
    for case, bias in (("bias", True), ("plain", False)):
        operands = {"x": g.normal(3, 5), "weight": g.normal(4, 5) * 0.5}
        if bias:
            operands["bias"] = g.normal(4)
        operation(g, f"linear.{case}", operands, F.linear)
    operation(g, "leaky_relu", {"x": g.normal(2, 7)}, lambda x: F.leaky_relu(x, 0.01), settings={"slope": 0.01})
    operation(g, "softplus", {"x": torch.tensor([[-60.0, -3.0, -0.1, 0.0], [0.2, 4.0, 19.0, 60.0]], dtype=dtype)},
              lambda x: -F.logsigmoid(-x))
    operation(g, "sort_descending", {"x": g.normal(2, 3, 9)}, lambda x: x.sort(-1, descending=True).values[..., :5],
              settings={"count": 5})
    target = g.keep("binary_cross_entropy.target",
                    torch.tensor([[1, 0, 0.9, 0.1], [0, 1, 0, 1]], dtype=torch.float32).to(dtype))
    logits = torch.tensor([[-2.5, 1.5, 0.3, -0.7], [80.0, -80.0, -17.5, 17.5]], dtype=dtype)
    operation(g, "binary_cross_entropy", {"x": logits},
              lambda x: F.binary_cross_entropy_with_logits(x, target), cotangent=False)
    operation(g, "minibatch_stddev", {"x": g.normal(3, 2, 2, 3, 2)}, net.minibatch_stddev)
    spectral_norm(g)
    locally_connected(g)
    return g


def spectral_norm(g):
    """`torch.nn.utils.spectral_norm`: one power iteration of a training step."""
    layer = torch.nn.Conv2d(3, 4, (2, 3), bias=False).to(g.dtype)
    weight = g.keep("spectral_norm.weight", g.normal(4, 3, 2, 3))
    normalised = lambda v: (v / v.norm()).float().to(g.dtype)
    u, v = (g.keep(f"spectral_norm.{key}", normalised(g.normal(n))) for key, n in (("u", 4), ("v", 18)))
    layer = torch.nn.utils.spectral_norm(layer)
    with torch.no_grad():
        layer.weight_orig.copy_(weight)
        layer.weight_u.copy_(u)
        layer.weight_v.copy_(v)
    layer(torch.zeros(1, 3, 2, 3, dtype=g.dtype))
    g.keep("spectral_norm.u_after", layer.weight_u)
    g.keep("spectral_norm.v_after", layer.weight_v)
    g.keep("spectral_norm.sigma", layer.weight_u @ layer.weight_orig.flatten(1) @ layer.weight_v)
    y = g.keep("spectral_norm.y", layer.weight)
    c = g.keep("spectral_norm.c", g.normal(*y.shape))
    gradient, = torch.autograd.grad((c * y * y).sum(), layer.weight_orig)
    g.keep("spectral_norm.grad.weight", gradient)


def locally_connected(g):
    """Weights [out rows, out columns, out channels, in channels, kernel rows, kernel columns], nothing shared."""
    kernel, stride, padding = (3, 2), (2, 1), (1, 0)
    rows, columns, outputs, inputs = 3, 3, 2, 3

    def forward(x, weight, bias=None):
        patches = F.unfold(x, kernel, padding=padding, stride=stride)
        patches = patches.reshape(x.shape[0], inputs, *kernel, rows, columns)
        y = torch.einsum("nikluv,uvoikl->nouv", patches, weight)
        return y if bias is None else y + bias

    for case, bias in (("bias", True), ("plain", False)):
        operands = {"x": g.normal(2, inputs, 5, 4), "weight": g.normal(rows, columns, outputs, inputs, *kernel) * 0.3}
        if bias:
            operands["bias"] = g.normal(outputs, rows, columns)
        operation(g, f"locally_connected.{case}", operands, forward, settings={"stride": stride, "padding": padding})


def bibae(dtype):
    g = Golden(2, dtype)
    latent, encoded = 8, 3
    sizes = dict(grid=GRID, width=2, hidden=10, bottleneck=12)
    encoder = net.Encoder(encoded=encoded, **sizes)
    decoder = net.Decoder(latent=latent, **sizes)
    for part, settings in ((encoder, {"encoded": encoded}), (decoder, {"latent": latent})):
        g.network("bibae", part, **g.networks.get("bibae", {}), **sizes if part is encoder else {}, **settings)
    critic = g.network("critic", net.Critic(GRID, 6), grid=GRID, width=6)
    latent_critic = g.network("latent_critic", net.LatentCritic((5, 7, 5)), widths=(5, 7, 5))
    x = g.keep("x", g.showers(N, GRID))[:, None]
    energy = g.keep("e_inc_gev", torch.tensor([[0.5], [2.0]], dtype=dtype))
    eps = g.keep("eps", g.normal(N, latent))

    mu, log_variance = encoder(x, energy)
    g.keep("encoder.mu", mu)
    g.keep("encoder.logvar", log_variance)
    z = torch.cat((mu + (log_variance / 2).exp() * eps[:, :encoded], eps[:, encoded:]), 1)
    g.keep("z", z)
    y = g.keep("decoder.y", decoder(z, energy))
    real_score = g.keep("critic.real_score", critic(x, x, energy).flatten())
    fake_score = g.keep("critic.fake_score", critic(x, y, energy).flatten())
    scores = g.keep("latent_critic.score", latent_critic(z.reshape(-1, 1)))
    z_real = g.keep("latent_critic.z_real", g.normal(N, latent))
    kld = g.keep("loss.kld", losses.kld(mu, log_variance))
    mmd = g.keep("loss.latent_mmd", losses.gaussian_mmd(z, z_real))
    objective = -(fake_score.mean() + 100 * scores.mean()) + 0.05 * kld + 100 * mmd
    g.keep("objective", objective).backward()
    for part in (encoder, decoder):
        g.gradients("bibae", part)
    critic.zero_grad(set_to_none=True)
    latent_critic.zero_grad(set_to_none=True)

    alpha = g.keep("critic.alpha", g.uniform(N, 1))
    y, z = y.detach(), z.detach()
    penalty = g.keep("critic.gradient_penalty", 10 * losses.pair_penalty(critic, alpha, x, y, energy))
    (critic(x, y, energy).mean() - critic(x, x, energy).mean() + penalty).backward()
    g.gradients("critic", critic)
    alpha = g.keep("latent_critic.alpha", g.uniform(N, 1))
    penalty = g.keep("latent_critic.gradient_penalty", 10 * losses.latent_penalty(latent_critic, alpha, z_real, z))
    penalty.backward()
    g.gradients("latent_critic", latent_critic)
    return g


def post_processor(dtype):
    g = Golden(3, dtype)
    # Cells of the input's size come out, so that the kernels of the loss see each other.
    network = g.network("post_processor", net.PostProcessor(GRID, 4), {"conv6.weight": 0.1}, grid=GRID, width=4)
    x = g.keep("x", g.showers(N, GRID, 0.03))[:, None]
    image = g.keep("decoder.y", g.showers(N, GRID, 0.03)[:, None])
    energy = g.keep("e_inc_gev", torch.tensor([[0.5], [2.0]], dtype=dtype))
    y = g.keep("post_processor.y", network(image, energy))

    mmd = g.keep("loss.sorted_kernel_mmd", losses.sorted_kernel_mmd(x, y, windows=WINDOWS))
    mse = g.keep("loss.mse", (y - image).square().mean())
    difference = losses.sorted_cells(x) - losses.sorted_cells(y)
    g.keep("loss.sorted_mae", difference.abs().mean())
    g.keep("loss.sorted_mse", difference.square().mean())
    (5 * mmd + mse).backward()
    g.gradients("post_processor", network)
    return g


def gan_photon(dtype):
    g = Golden(4, dtype)
    start, width, noise = (2, 2, 2), 2, 5
    grid = tuple(8 * s - 2 for s in start)
    generator = g.network("generator", net.GanGenerator(start, width, noise), start=start, width=width, noise=noise)
    discriminator = g.network("discriminator", net.GanDiscriminator(grid, width), grid=grid, width=width)
    with_stddev = g.network("discriminator_stddev", net.GanDiscriminator(grid, width, stddev=True), grid=grid,
                            width=width, stddev=True)
    x = g.keep("x", g.showers(N, grid))[:, None]
    energy = g.keep("e_inc_gev", torch.tensor([[0.5], [2.0]], dtype=dtype))
    noise = g.keep("noise", g.uniform(N, noise, 1, 1, 1, low=-1))
    y = g.keep("generator.y_train", generator(noise, energy))
    g.keep("discriminator.p_train", discriminator(y, energy))
    generator.eval(), discriminator.eval()
    g.keep("generator.y_eval", generator(noise, energy))
    g.keep("discriminator.p_eval", discriminator(x, energy))
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        for key, value in network.named_buffers():
            if not key.endswith("num_batches_tracked"):
                g.keep(f"{name}.after.{key}", value)
        network.train()

    bce = F.binary_cross_entropy_with_logits
    one, zero = torch.ones(N, 1, dtype=dtype), torch.zeros(N, 1, dtype=dtype)
    for name, network in (("discriminator", discriminator), ("discriminator_stddev", with_stddev)):
        real = g.keep(f"{name}.real_logits", network.logits(x, energy))
        fake = g.keep(f"{name}.fake_logits", network.logits(y.detach(), energy))
        g.keep(f"{name}.loss", bce(real, one) + bce(fake, zero)).backward()
        g.gradients(name, network)
    g.keep("generator.loss", bce(discriminator.logits(y, energy), one)).backward()
    g.gradients("generator", generator)
    return g


def wgan(g, start, layers, kernels):
    """Generator, critic and their gradients, as the photon and the pion models share them."""
    width, noise, hidden = 2, 5, (6, 8, 6, 5)
    generator = g.network("generator", net.WganGenerator(start, width, noise, layers), start=start, width=width,
                          noise=noise)
    grid = generator.grid
    critic = g.network("critic", net.WganCritic(grid, width, hidden, kernels), grid=grid, width=width, hidden=hidden)
    x = g.keep("x", g.showers(N, grid))[:, None]
    energy = g.keep("e_inc_gev", torch.tensor([[0.5], [2.0]], dtype=g.dtype))
    noise = g.keep("noise", g.uniform(N, noise, 1, 1, 1, low=-1))
    y = generator(noise, energy)
    g.keep("generator.y", y[:, 0])
    score = g.keep("critic.score", critic(y, energy))
    alpha = g.keep("alpha", g.uniform(N, 1))
    mixed = losses.interpolate(alpha, x, y)
    g.keep("critic.gradient_penalty", losses.penalty(critic(mixed, energy), mixed)).backward()
    g.gradients("critic", critic)
    return generator, critic, x, energy, noise, y, score


def wgan_photon(dtype):
    g = Golden(5, dtype)
    generator, critic, x, energy, _, y, score = wgan(g, (3, 2, 2), net.WGAN_LAYERS, net.WGAN_KERNELS)
    constrainer = g.network("constrainer", net.Constrainer(generator.grid, 2, 7), grid=generator.grid, width=2, hidden=7)
    seen = constrainer(x)
    g.keep("constrainer.e", seen)
    g.keep("constrainer.loss", (seen - energy).abs().mean()).backward()
    g.gradients("constrainer", constrainer)
    mismatch = (constrainer(y) - energy).square() - (seen.detach() - energy).square()
    g.keep("generator.loss", -score.mean() + 0.01 * mismatch.abs().mean()).backward()
    g.gradients("generator", generator)
    return g


def wgan_pion(dtype):
    g = Golden(6, dtype)
    generator, critic, _, energy, noise, _, _ = wgan(g, (1, 3, 3), net.PION_LAYERS, net.PION_KERNELS)
    noise = noise.requires_grad_()
    score = critic(generator(noise, energy), energy)
    gradient, = torch.autograd.grad(score.sum(), noise, retain_graph=True)
    g.keep("latent_gradient", gradient)
    step = g.keep("latent_step_alpha500_beta0.1", losses.latent_step(gradient, 500, 0.1))
    g.keep("latent_optimised", (noise + step).clamp(-1, 1))
    g.keep("generator.loss", -score.mean()).backward()
    g.gradients("generator", generator)
    return g


class ComparingCritic(torch.nn.Module):
    """The batch-difference embedding at work: one for energies and logarithms, beside what single showers show."""

    def __init__(self, grid, width, widths):
        super().__init__()
        self.features = torch.nn.Linear(math.prod(grid), width)
        self.embedding = net.BatchDifference(widths)
        self.fc1 = torch.nn.Linear(width + 8 * widths[-1] + 1, width)
        self.fc2 = torch.nn.Linear(width, 1)

    def forward(self, x, energy):
        features = F.leaky_relu(self.features(x.flatten(1)), 0.01)
        logarithm = torch.log(x + math.exp(-5)) + 5
        seen = torch.cat((features, self.embedding(x), self.embedding(logarithm), energy), 1)
        return self.fc2(F.leaky_relu(self.fc1(seen), 0.01))


def batch_difference(dtype):
    g = Golden(7, dtype)
    grid, n = (3, 4, 4), 5
    sizes = dict(grid=grid, width=7, widths=(6, 5, 3))
    critic = g.network("critic", ComparingCritic(**sizes), **sizes)
    x, y = (g.keep(name, g.showers(n, grid))[:, None] for name in ("x", "y"))
    energy = g.keep("e_inc_gev", g.uniform(n, 1, low=0.5, high=2.0).float().to(dtype))
    real, fake = g.keep("critic.real_score", critic(x, energy)), g.keep("critic.fake_score", critic(y, energy))
    g.keep("critic.objective", (fake - real.square()).mean()).backward()
    g.gradients("critic", critic)
    alpha = g.keep("alpha", g.uniform(n, 1).float().to(dtype))
    mixed = losses.interpolate(alpha, x, y)
    g.keep("penalty", losses.penalty(critic(mixed, energy), mixed)).backward()
    g.gradients("penalty", critic)
    return g


def save(path, tensors, metadata):
    """safetensors: a length, a JSON header, the bytes."""
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name in sorted(tensors):
        value = tensors[name]
        array = value.numpy().astype("<f4" if value.is_floating_point() else "<i8")
        header[name] = {"dtype": "F32" if value.is_floating_point() else "I64", "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        blobs.append(array.tobytes())
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def deviation(name, single, double):
    """Largest difference relative to the tensor's largest value; 0 where all is zero but for rounding."""
    if not double.is_floating_point():
        return 0.0
    largest = double.abs().max().item()
    return 0.0 if largest < 1e-10 else (single.double() - double).abs().max().item() / largest


def main():
    torch.set_num_threads(1)
    for make in (operations, bibae, post_processor, gan_photon, wgan_photon, wgan_pion, batch_difference):
        name = make.__name__
        double, single = make(torch.float64), make(torch.float32)
        tensors = double.tensors
        for key, value in tensors.items():
            assert torch.isfinite(value.double()).all(), f"{name}: {key} is not finite"
        metadata = {"made_by": "make_goldens.py", "torch": torch.__version__.split("+")[0],
                    "networks": json.dumps(double.networks)}
        folder = OPERATIONS if make is operations else HERE
        path = folder / f"{name}.safetensors"
        save(path, tensors, metadata)
        worst = sorted(((deviation(key, single.tensors[key], tensors[key]), key) for key in tensors), reverse=True)
        vanishing = [key for key, value in tensors.items()
                     if value.is_floating_point() and value.abs().max() < 1e-10 and "grad" in key]
        print(f"{path.name}: {path.stat().st_size} bytes, {len(tensors)} tensors; float32 is off by at most "
              + ", ".join(f"{value:.1e} ({key})" for value, key in worst[:4]))
        if vanishing:
            print(f"    zero but for rounding: {', '.join(vanishing)}")


if __name__ == "__main__":
    main()
