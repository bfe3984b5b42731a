"""Writes wrapped.pth as `torch.save` would, without PyTorch: what a training script keeps beside its weights.

    {"epoch": 3, "rng_state": torch.get_rng_state(), "loss": torch.tensor(0.5), "hyper_parameters": {...},
     "state_dict": {"module._orig_mod.weight": [[1, 2], [3, 4]], "..bias": int16 [-1, 300], "..mask": bool [1, 0],
                    "..steps": int8 [-5, 7]}}

The files expand, expand2, rng, seed and python2 were written by PyTorch itself:

    torch.save({"scale": torch.tensor([2.0]).expand(4), "w": torch.ones(2)}, "expand.pth")
    torch.save({"t": torch.arange(3.0)[:, None].expand(3, 5), "w": torch.ones(2)}, "expand2.pth")
    torch.save({"state_dict": {"w": torch.ones(2)}, "seed": 2**63 + 1}, "seed.pth")
    torch.save({"state_dict": {"w": torch.ones(2)}, "rng": np.random.default_rng(0).bit_generator.state}, "rng.pth")
    python2: {"w": torch.ones(2)}, every text of its pickle as Python 2 writes it
"""

import io
import pickle
import struct
import sys
import types
import zipfile

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules["torch"], sys.modules["torch._utils"] = torch, utils


def _rebuild_tensor_v2(*_):
    pass


_rebuild_tensor_v2.__module__, utils._rebuild_tensor_v2 = "torch._utils", _rebuild_tensor_v2
for name in ("FloatStorage", "ByteStorage", "ShortStorage", "BoolStorage", "CharStorage"):
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


class Storage:
    def __init__(self, kind, key, n):
        self.id = ("storage", kind, key, "cpu", n)


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = tuple(_prod(self.shape[i + 1:]) for i in range(len(self.shape)))
        return _rebuild_tensor_v2, (self.storage, 0, self.shape, strides, False, {})


def _prod(extents):
    n = 1
    for extent in extents:
        n *= extent
    return n


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Storage) else None


storages = {}


def tensor(kind, code, shape, *values):
    key = str(len(storages))
    storages[key] = struct.pack(f"<{len(values)}{code}", *values)
    return Tensor(Storage(getattr(torch, kind), key, len(values)), shape)


prefix = "module._orig_mod."
checkpoint = {
    "epoch": 3,
    "rng_state": tensor("ByteStorage", "B", (16,), *range(16)),
    "loss": tensor("FloatStorage", "f", (), 0.5),
    "hyper_parameters": {"width": 8, "seed": 2**70, "name": "small"},
    "state_dict": {
        prefix + "weight": tensor("FloatStorage", "f", (2, 2), 1, 2, 3, 4),
        prefix + "bias": tensor("ShortStorage", "h", (2,), -1, 300),
        prefix + "mask": tensor("BoolStorage", "B", (2,), 1, 0),
        prefix + "steps": tensor("CharStorage", "b", (2,), -5, 7),
    },
}
pickled = io.BytesIO()
Pickler(pickled, protocol=2).dump(checkpoint)
with zipfile.ZipFile("wrapped.pth", "w") as archive:
    archive.writestr(zipfile.ZipInfo("wrapped/data.pkl"), pickled.getvalue())
    for key, data in storages.items():
        archive.writestr(zipfile.ZipInfo(f"wrapped/data/{key}"), data)
    archive.writestr(zipfile.ZipInfo("wrapped/version"), "3\n")
