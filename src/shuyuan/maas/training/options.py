"""The options every training task has, with bounds and a sentence each: forms and command line come from here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Optimiser = Literal["gd", "sgd", "momentum", "rmsprop", "adam", "adamw"]
Schedule = Literal["constant", "step", "cosine", "one_cycle"]
Initialisation = Literal["default", "xavier", "he", "orthogonal", "small", "zero"]
Precision = Literal["auto", "float32", "bfloat16"]


class Config(BaseModel):
    """How the trainer goes about it, whatever the net is. A task's CONFIG adds its own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(20, ge=1, le=10_000, description="Passes over the training part")
    batch: int = Field(64, ge=1, le=65_536, description="Rows a step; over several processes this is the whole")
    optimiser: Optimiser = Field("adamw", description="gd takes every row in each step; the others take batches")
    rate: float = Field(1e-3, gt=0, le=100, description="Learning rate at its highest")
    momentum: float = Field(0.9, ge=0, lt=1, description="Of momentum; the first decay of Adam and AdamW")
    weight_decay: float = Field(0.0, ge=0, le=10, description="Pull of every weight towards zero; 0 is none")
    schedule: Schedule = Field("constant", description="How the rate changes over the run")
    warm_up: float = Field(0.0, ge=0, le=0.9, description="Share of the steps in which the rate climbs from near zero")
    step_every: int = Field(10, ge=1, le=10_000, description="Schedule step: epochs between two cuts")
    step_factor: float = Field(0.1, gt=0, lt=1, description="Schedule step: what the rate is multiplied by")
    clip: float = Field(0.0, ge=0, le=1e6, description="Longest gradient (2-norm over all weights); 0 clips nothing")
    patience: int = Field(
        0, ge=0, le=10_000, description="Validations without a better one before the end; 0 never stops early"
    )
    initialisation: Initialisation = Field("default", description="Of fresh weights; default is that of each layer")
    precision: Precision = Field("auto", description="auto is float32 on a CPU and mixed on a GPU")


class ClassConfig(Config):
    """Options of tasks that choose a class."""

    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: rare classes count more in the loss"
    )
    resample: Literal["none", "balanced"] = Field("none", description="balanced: rare classes are drawn more often")
    label_smoothing: float = Field(0.0, ge=0, le=0.5, description="Share of the truth given to all classes alike")
