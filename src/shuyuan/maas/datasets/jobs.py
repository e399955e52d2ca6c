"""Take up, at start, what an earlier process left unfinished."""

from shuyuan.maas.datasets.service import DataSetsService


def register(datasets: DataSetsService) -> None:
    """Once: works that nobody holds begin again from their files."""
    datasets.recover()
