"""What a plain method comes to on the same rows: scikit-learn."""

from collections.abc import Sequence
from typing import Any


def logistic(x: Any, y: Any, asked: Any) -> Any:  # arrays
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000).fit(x, y).predict(asked)


def tfidf(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    reader = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=200).fit(reader.fit_transform(texts), labels)
    return [str(one) for one in model.predict(reader.transform(asked))]
