"""Pages as people have them: forms, tables, formulas, a sheet on a table; each drawn anew, and the page in it known.

Read in this order: `page` (what is written and printed), `forms`, `worksheets` and `formulas` (pages), `backgrounds` and
`surroundings` (pages seen whole), `catalogue` (all of them, one row of the table each).
"""
