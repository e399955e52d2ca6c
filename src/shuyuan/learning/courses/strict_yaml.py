"""YAML for content: plain data only. Refuses aliases (a small file could swell to gigabytes) and repeated keys."""

from __future__ import annotations

import yaml


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "write it out instead of an alias (*)", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        names = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in names:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f'"{key.value}" occurs twice', key.start_mark)
            seen.add(key.value)
        found: dict[object, object] = super().construct_mapping(node, deep)
        return found


def read(text: str) -> object:
    """The data in one document. Raises yaml.YAMLError with the line."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # built on SafeLoader, stricter
