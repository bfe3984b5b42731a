"""Losses of the published networks in PyTorch; showers are [n, 1, layer, x, y] in MeV."""

import torch


def gaussian_mmd(a, b, inverse_widths=(1.0, 0.01)):
    """Sum over kernels exp(-alpha d^2) of the squared maximum mean discrepancy of two samples [..., n, features]."""

    def mean_kernel(p, q):
        square = (p[..., :, None, :] - q[..., None, :, :]).square().sum(-1)
        return sum(torch.exp(-alpha * square) for alpha in inverse_widths).mean((-2, -1))

    return mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)


def sorted_cells(x):
    return x.flatten(1).sort(1, descending=True).values


def sorted_kernel_mmd(real, processed, window=100, step=25, windows=80, inverse_width=200.0):
    """Mean over showers and over windows of the falling cell energies of the MMD inside the window (DP)."""
    cells = (windows - 1) * step + window
    real, processed = (sorted_cells(x)[:, :cells].unfold(1, window, step)[..., None] for x in (real, processed))
    return gaussian_mmd(real, processed, (inverse_width,)).mean()


def kld(mu, log_variance):
    """Kullback-Leibler divergence from N(0, 1), summed over variables, averaged over the batch."""
    return -0.5 * (1 + log_variance - mu.square() - log_variance.exp()).sum(1).mean()


def penalty(scores, *inputs):
    """mean (|g| - 1)^2 with g the gradient of each sample's score for all of its inputs."""
    gradients = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
    gradients = torch.cat([g.flatten(1) for g in gradients], 1)
    return (gradients.norm(dim=1) - 1).square().mean()


def interpolate(alpha, real, fake):
    """alpha * real + (1 - alpha) * fake, ready to be differentiated for; `alpha` [n, 1]."""
    alpha = alpha.reshape(-1, *(1,) * (real.dim() - 1))
    return (alpha * real + (1 - alpha) * fake).detach().requires_grad_()


def pair_penalty(critic, alpha, source, fake, energy):
    """Penalty of the BIB-AE critic between the pairs (source, source) and (source, fake)."""
    first, second = interpolate(alpha, source, source), interpolate(alpha, source, fake)
    return penalty(critic(first, second, energy), first, second)


def latent_scores(latent_critic, z):
    """Scores of whole latent vectors: the critic's, summed over variables."""
    return latent_critic(z.reshape(-1, 1)).reshape(z.shape).sum(1)


def latent_penalty(latent_critic, alpha, real, fake):
    mixed = interpolate(alpha, real, fake)
    return penalty(latent_scores(latent_critic, mixed), mixed)


def latent_step(gradient, alpha, beta):
    """Natural-gradient step of the latent optimisation, FA eq. 5, for each sample."""
    square = gradient.flatten(1).square().sum(1).reshape(-1, *(1,) * (gradient.dim() - 1))
    return alpha * gradient / (beta + square)
