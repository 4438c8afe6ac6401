"""What a person sees of a conversion. Read in this order: `tables` (rows of text that all share), `text_table` (one in a
terminal), `pareto` (the picture), `deploy` (what to deploy, and why), `page` (report.html, which holds them all) and
`model_card` (the bundle's README.md); `progress` is a bar meanwhile.

May import `convert.proof` and `convert.choose`, whose figures it shows; nothing is decided here.
"""
