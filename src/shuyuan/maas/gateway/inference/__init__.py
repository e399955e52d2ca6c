"""The Open Inference Protocol: tensors on the wire, and what a graph takes and gives."""
