"""Stanford Online Products: products seen in training, other products to retrieve.

Source: Oh Song et al., CVPR 2016, ``Stanford_Online_Products.zip``: ``Ebay_train.txt`` and ``Ebay_test.txt`` (a
heading, then picture number, product from 1, kind from 1, name), ``<kind>_final/<listing>_<number>.JPG``.
"""

from __future__ import annotations

from covpool.data.archives.published import Found, Published, needed_root
from covpool.data.archives.tables import read_rows, whole
from covpool.data.archives.tree import Tree

_LISTS = ("Ebay_train.txt", "Ebay_test.txt")


def read_products(tree: Tree) -> Found:
    """11,318 products with 59,551 pictures to train, 11,316 others with 60,502 to test; label is product - 1."""
    root = needed_root(tree, _LISTS)
    kinds: dict[int, str] = {}
    splits = {}
    for split, name in zip(("train", "test"), _LISTS, strict=True):
        rows = []
        for _, product, _, picture in read_rows(tree, root + name, 4, skip=1):
            number = whole(tree, name, product, first=1)
            kinds.setdefault(number, picture.partition("/")[0].removesuffix("_final"))
            rows.append((root + picture, number - 1))
        splits[split] = rows
    names = [f"{n:05d}.{kinds.get(n, 'unknown')}" for n in range(1, max(kinds, default=0) + 1)]
    return Found(names, splits)


PRODUCTS = {
    "stanford-online-products": Published(
        read_products,
        (_LISTS, ("Stanford_Online_Products.zip",)),
        ("stanford_online_products.*",),
        "Stanford Online Products, 22,634 products, for retrieval",
    )
}
