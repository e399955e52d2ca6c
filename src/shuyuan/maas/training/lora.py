"""A language model from local files with LoRA adapters on it, and what comes out. Child processes only.

Nothing is fetched and no pickle is opened: a GGUF is dequantised, a Hugging Face folder must hold safetensors and a
tokenizer.json. Source: Hu et al. (2021).
"""

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save_file
from torch import Tensor, nn

from shuyuan.maas.training import starters, task

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"  # before the import: it reads them once
os.environ.setdefault("TQDM_DISABLE", "1")
import peft
import transformers

ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
MERGED = "merged.safetensors"
GGUF = "model.gguf"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")

transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


class Source(NamedTuple):
    """Where a model lies: a folder, and the GGUF in it, if it is one."""

    folder: Path
    gguf: str | None = None

    def options(self) -> dict[str, Any]:  # keyword arguments of transformers
        """For `from_pretrained`: local, no code of others."""
        given = {"gguf_file": self.gguf} if self.gguf else {}
        return {"local_files_only": True, "trust_remote_code": False, **given}


def source(base: str) -> Source:
    """A starter by name, or a Hugging Face folder. Raises BadTraining."""
    if base in starters.STARTERS:
        file = starters.path(base)
        return Source(file.parent, file.name)
    folder = starters.cache() / base
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    if missing or not list(folder.glob("*.safetensors")):
        held = [path.name for path in folder.glob("*") if path.suffix in _PICKLES]
        why = (
            f"{held[0]} is a pickle: opening it runs whatever is in it"
            if held
            else f"no {(missing or ['safetensors'])[0]}"
        )
        raise task.BadTraining(
            f"the folder {base!r} of the model cache cannot be used: {why}",
            fix="put config.json, tokenizer.json and model.safetensors there",
        )
    return Source(folder)


def tokenizer(found: Source) -> Any:  # a transformers tokenizer
    """Text to token ids."""
    return transformers.AutoTokenizer.from_pretrained(found.folder, **found.options())


def load(found: Source, *, rank: int, alpha: float, dropout: float, targets: Sequence[str]) -> nn.Module:
    """The model in float32 with fresh adapters; everything else is frozen. Raises BadTraining for unknown targets."""
    import torch

    model = transformers.AutoModelForCausalLM.from_pretrained(
        found.folder, dtype=torch.float32, use_safetensors=True, **found.options()
    )
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # a fraction is fine
        lora_dropout=dropout,
        target_modules=list(targets),
        task_type="CAUSAL_LM",
    )
    try:
        with warnings.catch_warnings():  # peft asks transformers by names on their way out
            warnings.simplefilter("ignore", FutureWarning)
            return peft.get_peft_model(model, config)
    except ValueError as wrong:
        linear = sorted({name.rpartition(".")[2] for name, one in model.named_modules() if isinstance(one, nn.Linear)})
        raise task.BadTraining(
            f"no layer is called {', '.join(targets)}", fix=f"use some of {', '.join(linear)}"
        ) from wrong


def write_adapter(model: Any, out: Path) -> None:  # a PeftModel
    """The adapters alone, as peft reads them."""
    tensors: dict[str, Tensor] = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in peft.get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }
    save_file(tensors, out / ADAPTER)
    config = {name: _plain(value) for name, value in model.peft_config["default"].to_dict().items()}
    (out / ADAPTER_CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True))


def write_merged(model: Any, reader: Any, out: Path, found: Source) -> None:  # a PeftModel and its tokenizer
    """The model with the adapters folded in, half precision, with what Hugging Face wants beside it; and where it came
    from a GGUF, a GGUF again, which is what the platform serves."""
    import torch

    from shuyuan.maas.training import ggufs

    changed = {
        name.partition(".lora_A")[0]
        for name in peft.get_peft_model_state_dict(model, save_embedding_layers=False)
        if ".lora_A" in name
    }
    merged = model.merge_and_unload()
    tied = merged.config.tie_word_embeddings
    tensors = {
        name: tensor.detach().to(torch.float16).cpu().contiguous()
        for name, tensor in merged.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }
    save_file(tensors, out / MERGED, {"format": "pt"})
    (out / "config.json").write_text(merged.config.to_json_string(use_diff=False))
    reader.backend_tokenizer.save(str(out / "tokenizer.json"))
    if found.gguf:
        names = {f"{name.removeprefix('base_model.model.')}.weight" for name in changed}
        whole = merged.state_dict()
        ggufs.rewrite(found.folder / found.gguf, out / GGUF, {name: whole[name].float().numpy() for name in names})


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset | tuple | list):
        return sorted(map(str, value)) if isinstance(value, set | frozenset) else [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str | dict) else str(value)
