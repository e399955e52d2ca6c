"""Models from elsewhere become files that are served here, mostly ONNX. What could run code is refused, with a way out.

`from_sklearn` runs in the Python of whoever trained the estimator and gives the ONNX file; a pickle is never opened.
Everything else is converted by `shuyuan convert` in a child process, TensorFlow in an environment of its own.
"""

from shuyuan.maas.conversion.estimators import from_sklearn

__all__ = ["from_sklearn"]
