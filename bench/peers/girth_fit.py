"""girth's 2PL on a matrix of answers: prints seconds, slopes and difficulties. Runs in girth's own environment."""

import json
import sys
import time

import girth
import numpy as np

matrix = np.load(sys.argv[1])
girth.twopl_mml(matrix[:400].T[:5])  # what it compiles at its first call is not counted
began = time.perf_counter()
found = girth.twopl_mml(matrix.T)
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "a": found["Discrimination"].tolist(), "b": found["Difficulty"].tolist()}))
