"""Chinese numerals to numbers and back: 十二, 一百零五, 负三, 一点五, 三分之一, 二〇二四."""

from fractions import Fraction

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SMALL_UNITS = {"十": 10, "百": 100, "千": 1000}
LARGE_UNITS = {"万": 10_000, "亿": 100_000_000}
CHARACTERS = "".join([*DIGITS, *SMALL_UNITS, *LARGE_UNITS])


def chinese_to_number(words: str) -> Fraction | None:
    """The value, or None when the characters do not form a number.

    >>> [str(chinese_to_number(w)) for w in ("十二", "一百零五", "负三", "一点五", "三分之一", "二〇二四", "万一")]
    ['12', '105', '-3', '3/2', '1/3', '2024', 'None']
    """
    if words.startswith("负"):
        size = chinese_to_number(words[1:])
        return None if size is None else -size
    if "分之" in words:
        return _ratio(*words.split("分之", 1))
    whole, dot, decimals = words.partition("点")
    value = _whole(whole)
    if value is None or (dot and not (decimals and all(c in DIGITS for c in decimals))):
        return None
    return Fraction(value) + Fraction(_positional(decimals), 10 ** len(decimals))


def number_to_chinese(number: int) -> str:
    """The everyday reading of a whole number below 10^12.

    >>> number_to_chinese(12), number_to_chinese(105), number_to_chinese(-20300), number_to_chinese(110)
    ('十二', '一百零五', '负二万零三百', '一百一十')
    """
    if abs(number) >= 10**12:
        raise ValueError(f"number must be below 10^12 in size, got {number}")
    if number < 0:
        return "负" + number_to_chinese(-number)
    words = _read(number) or "零"
    return words[1:] if words.startswith("一十") else words


def _ratio(below: str, above: str) -> Fraction | None:
    denominator = Fraction(100) if below == "百" else chinese_to_number(below)
    numerator = chinese_to_number(above)
    if not denominator or numerator is None:
        return None
    return numerator / denominator


def _whole(words: str) -> int | None:
    if not words or any(c not in CHARACTERS for c in words):
        return None
    if all(c in DIGITS for c in words):
        return _positional(words)
    return _with_units(words)


def _positional(digits: str) -> int:
    return int("".join(str(DIGITS[c]) for c in digits) or 0)


def _with_units(words: str) -> int | None:
    if len(words) > 2 and words[-2] in "百千万亿" and words[-1] in DIGITS:  # 一百五 is 150
        words += {"百": "十", "千": "百", "万": "千", "亿": "千万"}[words[-2]]
    total, section, digit = 0, 0, 0
    for before, c in zip("零" + words, words, strict=False):
        if c in DIGITS:
            if digit:  # two digits side by side are no number with units
                return None
            digit = DIGITS[c]
        elif c in SMALL_UNITS:
            if not digit and (c != "十" or section % 100):
                return None
            section, digit = section + (digit or 1) * SMALL_UNITS[c], 0
        else:
            if not section + digit and before != "万":
                return None
            section, digit = (section + digit) * LARGE_UNITS[c], 0
            total, section = (total * LARGE_UNITS[c] if c == "亿" else total) + section, 0
    return total + section + digit


def _read(number: int) -> str:
    for sign, size in (("亿", 10**8), ("万", 10**4), ("千", 1000), ("百", 100), ("十", 10)):
        if number >= size:
            head, rest = divmod(number, size)
            gap = "零" if rest and rest < size // 10 else ""
            return _read(head) + sign + gap + _read(rest)
    return "零一二三四五六七八九"[number] if number else ""
