"""Writes the small PyTorch checkpoints of tests/import.rs beside this script (PyTorch 2.15; see README.md)."""

from pathlib import Path

import torch

HERE = Path(__file__).parent


class Net(torch.nn.Module):
    """One layer of each kind with a name of its own."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(1, 2, 2, bias=False)
        self.norm = torch.nn.BatchNorm3d(2)
        self.out = torch.nn.Linear(3, 2)


def fill(net):
    """Values that say where they belong: tensor number + element / 100."""
    for i, tensor in enumerate(t for t in net.state_dict().values() if t.is_floating_point()):
        tensor.copy_(i + torch.arange(tensor.numel()).reshape(tensor.shape) / 100)
    return net


net = fill(Net())
parallel = torch.nn.DataParallel(fill(Net()))
adam = torch.optim.Adam(net.parameters())
for p in net.parameters():
    p.grad = torch.ones_like(p)
adam.step()
fill(net)

torch.save(net.state_dict(), HERE / "plain.pth")
torch.save(net.state_dict(), HERE / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(
    {
        "epoch": 39,
        "loss": 0.25,
        "args": {"width": 8, "names": ["a", "b"], "seed": None},
        "model_state_dict": parallel.state_dict(),
        "optimizer": adam.state_dict(),
    },
    HERE / "nested.pth",
)
torch.save(
    {"models": {"generator": net.out.state_dict(), "critic": net.norm.state_dict()}}, HERE / "several.pth"
)
base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
torch.save(
    {
        "transposed": base.t(),
        "part": base[1:3, ::2],
        "shared": base[3],
        "double": base.double()[0],
        "half": base.half()[0],
        "bfloat": base.bfloat16()[0],
        "count": torch.tensor(7),
        "scalar": torch.tensor(1.5),
        "parameter": torch.nn.Parameter(base[0].clone()),
    },
    HERE / "layouts.pth",
)
torch.save(net, HERE / "module.pth")
torch.save([1, 2, 3], HERE / "list.pth")
torch.save({"w": torch.tensor([1.0, float("nan")])}, HERE / "nan.pth")
