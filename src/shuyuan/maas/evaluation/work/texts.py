"""Figures of written text (ROUGE, chrF, BLEU, exact match) and of language models (perplexity)."""

import numpy as np

from shuyuan.maas.evaluation.work.measures import Measures
from shuyuan.maas.evaluation.work.predicted import Predicted
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science import metrics


def generation(said: Predicted) -> Measures:
    """Texts against their references. Terms: each Chinese character alone, words of other scripts, lower case."""
    kept = np.flatnonzero([isinstance(one, str) and bool(one.strip()) for one in said.label])
    if not kept.size:
        raise Refused("no_labels", "no row has a reference text", "choose a part with a label column of text")
    said = said.only(kept)
    references = [str(one) for one in said.label]
    written = ["" if one is None else str(one) for one in said.prediction]
    terms = [metrics.chinese_terms(one.lower()) for one in written]
    wanted = [metrics.chinese_terms(one.lower()) for one in references]
    rouge = np.array([metrics.rouge(a, b) for a, b in zip(terms, wanted, strict=True)])
    chrf = np.array([metrics.chrf([a], [[b]]) for a, b in zip(written, references, strict=True)])
    exact = np.array([float(a.split() == b.split()) for a, b in zip(written, references, strict=True)])
    figures = {
        "rows": float(len(written)),
        "chrf": metrics.chrf(written, [[one] for one in references]),
        "bleu": metrics.bleu(terms, [[one] for one in wanted]) if any(terms) else 0.0,
        **dict(zip(("rouge_1", "rouge_2", "rouge_l"), rouge.mean(axis=0).tolist(), strict=True)),
        "exact_match": float(exact.mean()),
    }
    return Measures(
        said=said,
        figures=figures,
        resampled={
            "rouge_l": lambda rows: float(rouge[rows, 2].mean()) if len(rows) else float("nan"),
            "exact_match": lambda rows: float(exact[rows].mean()) if len(rows) else float("nan"),
            "mean_chrf": lambda rows: float(chrf[rows].mean()) if len(rows) else float("nan"),
        },
        grouped=("mean_chrf",),
        loss=1 - chrf / 100,
    )


def language_model(said: Predicted) -> Measures:
    """From `nll` (nats of a text, summed) and `tokens`; or `tokens` and the perplexity of each text as prediction."""
    nats, tokens = said.values.get("nll"), said.values.get("tokens")
    if nats is None and tokens is not None:
        each = np.array([np.nan if one is None else float(one) for one in said.prediction])
        nats = np.log(np.maximum(each, 1.0)) * np.asarray(tokens, np.float64)
    if nats is None or tokens is None:
        raise Refused("bad_predictions", "there is no column `nll`", "write nats and `tokens` of each text")
    nats, tokens = np.asarray(nats, np.float64), np.asarray(tokens, np.float64)
    kept = np.flatnonzero(np.isfinite(nats) & (tokens > 0))
    if not kept.size:
        raise Refused("no_labels", "no text has a token", "choose a part with text")
    said, nats, tokens = said.only(kept), nats[kept], tokens[kept]
    figures = {
        "rows": float(len(nats)),
        "tokens": float(tokens.sum()),
        "perplexity": metrics.perplexity(nats, tokens),
        "nats_per_token": float(nats.sum() / tokens.sum()),
    }
    resampled = {"perplexity": lambda rows: metrics.perplexity(nats[rows], tokens[rows]) if len(rows) else float("nan")}
    return Measures(said, figures, resampled, ("perplexity",), nats / tokens)
