"""After a start: go on with what an earlier server left."""

from shuyuan.maas.compression.service import CompressionService


def register(compression: CompressionService) -> None:
    """Take them up again."""
    compression.resume()
