"""Small networks as torch modules. Only here does science import torch; `shapes` does not, and says what a net is."""
