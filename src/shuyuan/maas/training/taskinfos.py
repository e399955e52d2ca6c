"""The tasks of this installation as people choose them: titles in both languages, and the schema of each config."""

from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.training import interface, tasks


def every() -> list[interface.TaskInfo]:
    """In the order of the list."""
    return [
        interface.TaskInfo(
            name=about.name,
            title=catalogue_api.LocalText(zh=about.title.zh, en=about.title.en),
            what=catalogue_api.LocalText(zh=about.what.zh, en=about.what.en),
            config=about.schema,
        )
        for about in tasks.every()
    ]
