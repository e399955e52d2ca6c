"""One form for a text and its disguises: full width, look-alike letters, spaced-out words, digits for letters.

For word lists alone (moderation): the folded text is no longer fit to read. Undoes what pupils do to get a word
past a filter, as far as that does not turn harmless words into harmful ones.
"""

import re
import unicodedata

_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһкмтвнοαερικνυτ",  # Cyrillic, then Greek, that look Latin
    "aeopcyxijsdhkmtbhoaepiknut",
)
_SIMPLIFIED = str.maketrans("殺殘槍藥彈製購賣買變態強姦裡見罵豬鳥亂軍氣體圖顯醫師電話號碼紅絡網車擊戰",
                            "杀残枪药弹制购卖买变态强奸里见骂猪鸟乱军气体图显医师电话号码红络网车击战")  # fmt: skip
_LETTER_DIGITS = str.maketrans("013457@$!", "oieasta" + "si")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_MARKED = re.compile("[\u0300-\u036f]")
_BETWEEN_HAN = re.compile(r"(?<=[\u3400-\u9fff])[\s.*_\-·•~|/\\+#^=]{1,3}(?=[\u3400-\u9fff])")
_SPELT_OUT = re.compile(r"(?<![a-z0-9])(?:[a-z0-9@$!][ .*_\-·|/]{1,2}){2,}[a-z0-9@$!](?![a-z0-9])")
_MIXED = re.compile(
    r"(?<![a-z0-9])(?=[a-z0-9@$!]*[a-z][a-z0-9@$!]*[a-z])(?=[a-z]*[013457@$!])[a-z0-9@$!]{3,}(?<![!])(?![a-z0-9])"
)
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_USUALLY_DOUBLE = "lsoetfp"


def fold(text: str) -> str:
    """The form that word lists are compared with.

    >>> fold("ｋ１ｌｌ  自 - 殺"), fold("s u i c i d e"), fold("k.i.l.l"), fold("zì shā"), fold("x1 and A4, mp3")
    ('kill  自杀', 'suicide', 'kill', 'zi sha', 'x1 and a4, mpe')
    """
    text = unicodedata.normalize("NFKC", text).lower()
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
        text = unicodedata.normalize("NFC", _MARKED.sub("", unicodedata.normalize("NFD", text)))
        text = text.translate(_LOOK_ALIKES).translate(_SIMPLIFIED)
        text = _BETWEEN_HAN.sub("", text)
    text = _SPELT_OUT.sub(lambda found: re.sub(r"[ .*_\-·|/]", "", found[0]), text)
    text = _MIXED.sub(lambda found: found[0].translate(_LETTER_DIGITS), text)
    return _STRETCHED.sub(lambda found: found[1] * (2 if found[1] in _USUALLY_DOUBLE else 1), text)
