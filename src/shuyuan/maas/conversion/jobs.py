"""After a start: go on with files that were sent to an earlier server."""

from shuyuan.maas.conversion.service import ConversionService


def register(conversion: ConversionService) -> None:
    """Take them up again."""
    conversion.resume()
