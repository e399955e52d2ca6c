"""What every value of this room is: immutable, and forgiving towards fields of a newer one."""

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True, extra="ignore")
