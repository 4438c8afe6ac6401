"""What runs in the process of one source: `serve` answers the parent; `capture` is the thread that reads, and opens again, by
`opencv_capture`, `http_capture` or `picamera_capture`, each of which gives one `grab` after the other. `clock` tells how late
one is, `stillness` whether there is anything new in it.
"""
