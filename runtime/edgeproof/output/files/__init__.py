"""Files of what was read: where they go (`places`), how they grow so that a kill or a full disk takes nothing of them
(`append_file`, `json_file`, `video_file`), and what is in them (`saved`, `crops`, `events_csv`).
"""
