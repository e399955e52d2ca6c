"""catsim's choice of the next item: prints milliseconds each and the items. Runs in catsim's own environment."""

import json
import sys
import time

import numpy as np
from catsim.item_bank import ItemBank
from catsim.selection import MaxInfoSelector

given = np.load(sys.argv[1])
bank, selector, asked = ItemBank(given["bank"]), MaxInfoSelector(), given["asked"].tolist()
selector.select(item_bank=bank, administered_items=asked, est_theta=0.0)
began = time.perf_counter()
chosen = [
    int(selector.select(item_bank=bank, administered_items=asked, est_theta=float(theta)))
    for theta in given["abilities"]
]
print(json.dumps({"ms": 1e3 * (time.perf_counter() - began) / len(chosen), "chosen": chosen}))
