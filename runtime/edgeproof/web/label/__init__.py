"""The page on which a person says what uncertain crops are (`edgeproof label`): the one page that changes files.

Read in this order: `page` (its addresses), `crops` (which wait, and where labelled ones go), `choices` (the classes and their
keys).
"""
