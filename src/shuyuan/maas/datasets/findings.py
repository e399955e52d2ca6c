"""What the lines of a cleaning report say: a code with its values, and the same in English for who reads no code.

The pages have the words of every code in their languages (`web/words`, workshop.found and workshop.act).
"""

from shuyuan.maas.datasets import interface

DETAILS = {
    "read": "{format}",
    "read_text": "{format} {encoding}",
    "read_table": "{format} {encoding} {delimiter!r}",
    "read_unquoted": "{format} {encoding} {delimiter!r}, quotation marks as they are",
    "no_pictures": "files that are no pictures",
    "nearly_numbers": "most are numbers, not so {value!r}; make it a number in a plan, and these are missing",
    "not_finite": "NaN or infinite",
    "not_kind": "not {kind}",
    "row_not_kind": "a value was not of its column's kind",
    "one_value": "one value in train",
    "leak_equal": "equal {value}",
    "leak_correlated": "correlated {value}",
    "leak_renamed": "the label under other names",
    "shift": "{part} against train: PSI {psi}",
    "shift_numbers": "{part} against train: PSI {psi}, KS {ks}",
    "classes": "{sizes}",
    "filled": "{value}",
    "fence": "outside {low} to {high}",
    "rows_of_train": "rows of train: {rows}",
    "no_stands": "persons in it said no, or were taken out: an administrator says yes to this version, or nobody",
    "one_class": "the label is the same in every row: there is nothing to learn from it",
    "no_value": "no row has a value",
    "none": "none",
    "in_train": "train",
}
Said = tuple[str, dict[str, str]]  # a code and its values


def found(rule: str, said: Said | None, *, column: str = "", count: int = 0, action: str = "") -> interface.Finding:
    """One line of the report.

    >>> found("outliers", ("fence", {"low": "1", "high": "9"}), column="mark", count=2, action="clip").detail
    'outside 1 to 9'
    """
    code, values = said or ("", {})
    detail = DETAILS[code].format(**values) if code else ""
    return interface.Finding(
        rule=rule, column=column, count=count, action=action, detail=detail, code=code, values=values
    )
