"""What a person sees of a conversion: `page` (report.html and the terminal's table), `model_card` (the bundle's
README.md).

May import `convert.proof` and `convert.choose`, whose figures it shows; nothing is decided here.
"""
