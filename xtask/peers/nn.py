"""The published networks in PyTorch, as the peer of ours (`crates/calo-cli/examples/bench_nn.rs`).

    python nn.py CASE --batch B --threads T --warm-up W --repetitions R [--device cuda] [--runtime onnx]

One case to a process, because peak memory is measured too. Both sides do the same work; `WORK` says what.
"""

import argparse
import io
import time
import warnings
from functools import partial

import torch

import losses
import networks
from common import report

CRITIC_STEPS = 5
LATENT, ENCODED = 512, 24


class Bench:
    """Networks, optimisers and one batch, made when first asked for, so that a case weighs what it uses."""

    def __init__(self, batch, device, runtime):
        self.batch, self.device, self.runtime = batch, device, runtime
        self.made = {}
        torch.manual_seed(1)
        # Sparse and falling, as showers are.
        cells = torch.rand(batch, 1, 30, 30, 30) < 0.05
        self.x = (torch.exp(torch.randn(batch, 1, 30, 30, 30)) * cells).to(device)
        self.energy = (10 + 90 * torch.rand(batch, 1)).to(device)

    def network(self, name):
        kinds = {"encoder": networks.Encoder, "decoder": networks.Decoder, "critic": networks.Critic,
                 "latent_critic": networks.LatentCritic, "post_processor": networks.PostProcessor,
                 "gan": networks.GanGenerator, "wgan": networks.WganGenerator,
                 "wgan-pions": partial(networks.WganGenerator, layers=networks.PION_LAYERS)}
        if name not in self.made:
            self.made[name] = kinds[name]().to(self.device)
        return self.made[name]

    def optimiser(self, rate, *names):
        parameters = [parameter for name in names for parameter in self.network(name).parameters()]
        return torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.9))

    def normal(self, width=LATENT):
        return torch.randn(self.batch, width, device=self.device)

    def alpha(self):
        return torch.rand(self.batch, 1, device=self.device)

    def encode(self):
        """Means, log variances and all latent variables: the encoded ones sampled, the others drawn."""
        mu, log_variance = self.network("encoder")(self.x, self.energy)
        noise = self.normal()
        z = torch.cat((mu + (log_variance / 2).exp() * noise[:, :ENCODED], noise[:, ENCODED:]), 1)
        return mu, log_variance, z


def inference(run):
    """`run` as one uses a trained network."""

    def work():
        with torch.inference_mode():
            run()

    return work


def encoder(bench):
    network = bench.network("encoder")
    return inference(lambda: network(bench.x, bench.energy))


def decoder(bench):
    network, z = bench.network("decoder"), bench.normal()
    return inference(lambda: network(z, bench.energy))


def post_processor(bench):
    network = bench.network("post_processor")
    return inference(lambda: network(bench.x, bench.energy))


class Generation(torch.nn.Module):
    """Decoder, then post-processor."""

    def __init__(self, decoder, post_processor):
        super().__init__()
        self.decoder, self.post_processor = decoder, post_processor

    def forward(self, z, energy):
        return self.post_processor(self.decoder(z, energy), energy)


def generation(bench):
    network = Generation(bench.network("decoder"), bench.network("post_processor"))
    return applied(bench, network, bench.normal())


def generator(name):
    """The generator `name`, with running statistics where it has any."""

    def work(bench):
        noise = 2 * torch.rand(bench.batch, 100, 1, 1, 1, device=bench.device) - 1
        return applied(bench, bench.network(name).eval(), noise)

    return work


def applied(bench, network, noise):
    """`network` on noise and incident energies, by PyTorch or by ONNX Runtime."""
    if bench.runtime == "torch":
        return inference(lambda: network(noise, bench.energy))
    import onnxruntime

    buffer = io.BytesIO()
    torch.onnx.export(network, (noise, bench.energy), buffer, dynamo=False, opset_version=17,
                      input_names=["noise", "energy"], output_names=["showers"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    session = onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])
    feeds = {"noise": noise.numpy(), "energy": bench.energy.numpy()}
    (found,) = session.run(None, feeds)
    with torch.inference_mode():
        expected = network(noise, bench.energy).numpy()
    off = abs(found - expected).max() / abs(expected).max()
    assert off < 1e-3, f"ONNX Runtime computes something else: off by {off}"
    return lambda: session.run(None, feeds)


def critic(bench):
    network, image = bench.network("critic"), bench.x.flip(0)
    return inference(lambda: network(bench.x, image, bench.energy))


def critic_update(bench, optimiser, image):
    network = bench.network("critic")
    optimiser.zero_grad()
    real, fake = network(bench.x, bench.x, bench.energy), network(bench.x, image, bench.energy)
    penalty = losses.pair_penalty(network, bench.alpha(), bench.x, image, bench.energy)
    (fake.mean() - real.mean() + 10 * penalty).backward()
    optimiser.step()


def critic_step(bench):
    optimiser, image = bench.optimiser(0.5e-3, "critic"), bench.x.flip(0)
    return lambda: critic_update(bench, optimiser, image)


def latent_critic_update(bench, optimiser, z):
    network, real = bench.network("latent_critic"), bench.normal()
    optimiser.zero_grad()
    penalty = losses.latent_penalty(network, bench.alpha(), real, z)
    (network(z.reshape(-1, 1)).mean() - network(real.reshape(-1, 1)).mean() + 10 * penalty).backward()
    optimiser.step()


def frozen(bench, *names):
    for name in names:
        bench.network(name).requires_grad_(False)


def thawed(bench, *names):
    for name in names:
        bench.network(name).requires_grad_(True)


def training_step(bench):
    of_critic, of_latent_critic = bench.optimiser(0.5e-3, "critic"), bench.optimiser(2e-3, "latent_critic")
    of_bibae = bench.optimiser(0.5e-3, "encoder", "decoder")
    of_post_processor = bench.optimiser(0.5e-3, "post_processor")
    critics = ("critic", "latent_critic")

    def work():
        thawed(bench, *critics)
        for _ in range(CRITIC_STEPS):
            with torch.no_grad():
                z = bench.encode()[2]
                y = bench.network("decoder")(z, bench.energy)
            critic_update(bench, of_critic, y)
            latent_critic_update(bench, of_latent_critic, z)

        frozen(bench, *critics)
        of_bibae.zero_grad()
        mu, log_variance, z = bench.encode()
        y = bench.network("decoder")(z, bench.energy)
        scores = (bench.network("critic")(bench.x, y, bench.energy).mean()
                  + 100 * bench.network("latent_critic")(z.reshape(-1, 1)).mean())
        mmd = losses.gaussian_mmd(z, bench.normal())
        (-scores + 0.05 * losses.kld(mu, log_variance) + 100 * mmd).backward()
        of_bibae.step()

        y = y.detach()
        of_post_processor.zero_grad()
        processed = bench.network("post_processor")(y, bench.energy)
        loss = 5 * losses.sorted_kernel_mmd(bench.x, processed) + (processed - y).square().mean()
        loss.backward()
        of_post_processor.step()

    return work


# What each case does; inputs and weights are there before the clock starts.
WORK = {
    "encoder": encoder,
    "decoder": decoder,
    "post-processor": post_processor,
    "decoder+post-processor": generation,
    "gan": generator("gan"),
    "wgan": generator("wgan"),
    "wgan-pions": generator("wgan-pions"),
    # One pair of images, without gradients.
    "critic": critic,
    # Scores of real and fake pairs, penalty on the gradient, backward, Adam.
    "critic-step": critic_step,
    # Five times: reconstruct without gradients, critic step, latent critic step. Then encoder and decoder against
    # both critics, KLD and MMD; then the post-processor with 5 * sorted-kernel MMD + MSE.
    "training-step": training_step,
}


def memory(field):
    """A size of this process in bytes, as Linux tells it; None elsewhere."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))
    except (OSError, StopIteration):
        return None


def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w") as clear:
            clear.write("5")
    except OSError:
        pass


def flops(work):
    """Arithmetic of convolutions and matrix products in one pass, backward ones included.

    PyTorch's own FlopCounterMode follows modules with hooks that do not bear `autograd.grad`.
    """
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Count(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            keywords = keywords or {}
            formula = flop_registry.get(function._overloadpacket)
            if formula is None:
                # Under inference_mode what arrives is made of others: linear of addmm.
                with self:
                    result = function.decompose(*arguments, **keywords)
                if result is not NotImplemented:
                    return result
            result = function(*arguments, **keywords)
            if formula is not None:
                self.total += formula(*arguments, **keywords, out_val=result)
            return result

    with Count() as count:
        work()
    return count.total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=WORK)
    for name in ("batch", "threads", "warm-up", "repetitions"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runtime", default="torch", choices=("torch", "onnx"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    wait = torch.cuda.synchronize if on_gpu else lambda: None

    bench = Bench(arguments.batch, device, arguments.runtime)
    work = WORK[arguments.case](bench)
    # FLOPs are for the share of a card's peak. Counting them costs time and memory of its own.
    results = {"flops": flops(work) if on_gpu else None}
    loaded = memory("VmRSS")
    forget_peak()
    wall_s, cpu_s = [], []
    for _ in range(arguments.warm_up + arguments.repetitions):
        wait()
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        wait()
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    peak = memory("VmHWM")
    results |= {
        "case": arguments.case,
        "batch": arguments.batch,
        "threads": torch.get_num_threads(),
        "n_weights": sum(p.numel() for network in bench.made.values() for p in network.parameters()),
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "wall_s": wall_s[arguments.warm_up:],
        "cpu_s": cpu_s[arguments.warm_up:],
        "loaded_bytes": loaded,
        "memory_bytes": None if loaded is None or peak is None or on_gpu else peak - loaded,
    }
    report(results)


if __name__ == "__main__":
    main()
