"""How much of anything is read: every cap of this room, with its unit."""

from pydantic import BaseModel, ConfigDict, Field

from shuyuan.maas.datasets import refusals


class Bounds(BaseModel):
    """Caps of one reading. The defaults fit a laptop; `max_bytes` is the setting `max_data_bytes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(2 << 30, gt=0, description="Of the file, and of what it unpacks to, bytes.")
    max_line_bytes: int = Field(16 << 20, gt=0, description="Longest line of CSV or JSON lines, bytes.")
    max_columns: int = Field(5_000, gt=0)
    max_rows: int = Field(50_000_000, gt=0)
    max_cells: int = Field(1_000_000_000, gt=0, description="Rows times columns.")
    max_files: int = Field(200_000, gt=0, description="Members of an archive.")
    max_member_bytes: int = Field(50 << 20, gt=0, description="One member of an archive, unpacked, bytes.")
    max_ratio: int = Field(200, gt=0, description="Unpacked to packed size, once over a megabyte.")
    max_pixels: int = Field(50_000_000, gt=0, description="Of one picture.")

    def require(self, rows: int, columns: int) -> None:
        """Raises BadData for a table beyond its bounds, naming what it has and what is read."""
        for what, there, most in (
            ("rows", rows, self.max_rows),
            ("columns", columns, self.max_columns),
            ("cells (rows times columns)", rows * columns, self.max_cells),
        ):
            if there > most:
                raise refusals.BadData(
                    f"the table has {there:,} {what}, at most {most:,} are read", fix="send a smaller table"
                )
