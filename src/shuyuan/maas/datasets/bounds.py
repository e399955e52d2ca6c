"""How much of anything is read: every cap of this room, with its unit."""

from pydantic import BaseModel, ConfigDict, Field


class Bounds(BaseModel):
    """Caps of one reading. The defaults fit a laptop; `max_bytes` is the setting `max_data_bytes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(2 << 30, gt=0, description="Of the file, and of what it unpacks to, bytes.")
    max_line_bytes: int = Field(16 << 20, gt=0, description="Longest line of CSV or JSON lines, bytes.")
    max_columns: int = Field(5_000, gt=0)
    max_rows: int = Field(50_000_000, gt=0)
    max_cells: int = Field(1_000_000_000, gt=0, description="Rows times columns of a Parquet file.")
    max_files: int = Field(200_000, gt=0, description="Members of an archive.")
    max_member_bytes: int = Field(50 << 20, gt=0, description="One member of an archive, unpacked, bytes.")
    max_ratio: int = Field(200, gt=0, description="Unpacked to packed size, once over a megabyte.")
    max_pixels: int = Field(50_000_000, gt=0, description="Of one picture.")
