"""What is written and printed in words."""

from __future__ import annotations

import numpy as np

_BY_HAND = (
    "milk bread eggs sugar total score name date call mum rent paid work home sold boxes left right days hours week april "
    "monday sunday room bus street sum note price tax open closed see you soon love from the and for with one two three lo so "
    "go big answer solve find lesson class group page look good all yes no ok jazz quiz zebra bingo solo oil lily bill boss "
    "glass sos zoo book ball size yoga gym xbox blog lobby igloo syzygy"
)
_PRINTED = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you "
    "were all her she there would their we him been has when who will no more if out so said what up its about into than them "
    "can only other time new some could these two may first then do any like my now over such our man me even most made after"
)
_RUSSIAN = "и в не на что он как по это она к но из за все так его от же быть человек работа время система развития"

WORDS = _BY_HAND.split()
"""Some with many letters that look like digits."""
PRINT_WORDS, RUSSIAN = _PRINTED.split(), _RUSSIAN.split()
LABELS = (
    "Name",
    "Date",
    "Phone",
    "Account",
    "Amount",
    "Birth date",
    "Postcode",
    "Street",
    "Order no",
    "Class",
    "ID",
    "Age",
)
HEADINGS = (
    "NAME",
    "Date",
    "Total",
    "SUM",
    "Points",
    "Team",
    "Round",
    "Qty",
    "Price",
    "No.",
    "kg",
    "Week",
    "A",
    "B",
    "C",
)
CYRILLIC = "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯабвгдежзиклмнопрстуфхцчшщъыьэюя"
GREEK = "αβγδεθλμπρστφψωΔΩΣ"


def phrase(random: np.random.Generator, words: int) -> str:
    return " ".join(map(str, random.choice(PRINT_WORDS, words))).capitalize()
