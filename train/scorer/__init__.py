"""The page scorer: what tells digits on a page from other things, fitted on drawn pages. `command` is the whole job: `readings`
draws and reads pages, `fit` fits.

Uses the reader and the model as a device does; `train.data.pages` draws. What comes out is a file for `python -m convert attach`.
"""
