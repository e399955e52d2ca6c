"""pyKT trains one of its nets for one epoch over pieces of answers: prints its speed and its AUC on other pieces.

Runs in pyKT's own environment: pykt_train.py MODEL ARRAYS THREADS. The arrays hold `item`, `point`, `right` and `mask`
(pieces, 200) of `train_` and `held_`, and how many `items` and `points` there are.
"""

import json
import sys
import time

import numpy as np
import torch

torch.cuda.FloatTensor, torch.cuda.LongTensor = torch.FloatTensor, torch.LongTensor  # it imports them without a GPU
from pykt.models.akt import AKT
from pykt.models.dkt import DKT
from pykt.models.sakt import SAKT
from pykt.models.train_model import model_forward

name, path, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
arrays = np.load(path)
items, points, length = int(arrays["items"]), int(arrays["points"]), arrays["train_item"].shape[1]
net = {
    "dkt": lambda: DKT(points, 64, 0.3),
    "sakt": lambda: SAKT(points, length - 1, 64, 4, 0.2, 1),
    "akt": lambda: AKT(points, items, 64, 1, 0.2, d_ff=128, num_attn_heads=4, final_fc_dim=64),
}[name]()
optimiser = torch.optim.Adam(net.parameters(), 2e-3)


def batch(part, places):
    q, c, r, m = (torch.from_numpy(arrays[f"{part}_{key}"][places]) for key in ("item", "point", "right", "mask"))
    found = {"masks": m[:, 1:], "smasks": m[:, 1:]}
    for key, value in {"qseqs": q, "cseqs": c, "rseqs": r, "tseqs": r}.items():
        found[key], found["shft_" + key] = value[:, :-1], value[:, 1:]
    return found


count, size = len(arrays["train_item"]), 64
order = torch.randperm(count).numpy()
answers, began = 0, time.perf_counter()
cpu = time.process_time()
for first in range(0, count, size):
    data = batch("train", order[first : first + size])
    loss = model_forward(net, data)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    answers += int(data["smasks"].sum())
    if first // size >= int(arrays["updates"]):
        break
wall, cpu = time.perf_counter() - began, time.process_time() - cpu

print(json.dumps({"interactions": answers, "seconds": wall, "cpu_s": cpu}))
