"""Every source of random numbers of a run: seeded at its start, kept in its checkpoints."""

import random
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def seed(number: int) -> None:
    """torch on every device, numpy's and Python's own generators."""
    torch.manual_seed(number)
    np.random.seed(number % 2**32)
    random.seed(number)


def seed_at(*where: int) -> None:
    """The same numbers at the same place of a run, whatever was drawn before."""
    seed(int(np.random.SeedSequence(where).generate_state(1)[0]))


def state() -> dict[str, Tensor]:
    """All of them as tensors."""
    words = np.random.get_state(legacy=False)["state"]
    version, ints, gauss = random.getstate()
    numpy_state = np.append(words["key"], words["pos"]).astype(np.int64)
    found = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(numpy_state),
        "python": torch.tensor([version, *ints], dtype=torch.int64),
    }
    if gauss is not None:
        found["gauss"] = torch.tensor([gauss], dtype=torch.float64)
    if torch.cuda.is_available():
        found |= {f"cuda{n}": one for n, one in enumerate(torch.cuda.get_rng_state_all())}
    return found


def restore(found: Mapping[str, Tensor]) -> None:
    """Go on where `state` was taken."""
    torch.set_rng_state(found["torch"])
    words = found["numpy"].numpy()
    np.random.set_state(("MT19937", words[:-1].astype(np.uint32), int(words[-1]), 0, 0.0))
    version, *ints = found["python"].tolist()
    random.setstate((version, tuple(ints), found["gauss"].item() if "gauss" in found else None))
    if torch.cuda.is_available():
        kept = [found[name] for name in sorted(found) if name.startswith("cuda")]
        torch.cuda.set_rng_state_all(kept)
