#!/usr/bin/env bash
# Re-lock every requirements file: hashes, and no index address, link, header or path in any of them.
# Needs uv (pip install uv). dev.txt is solved first and constrains the rest, so one version serves every environment.
set -euo pipefail
cd "$(dirname "$0")"
lock() {
    uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@"
}
lock dev.in -o dev.txt
for name in runtime ort-cpu ort-gpu ort-oldest opencv-headless opencv-desktop web mqtt sign runtime-test fuzz build exporters; do
    lock "$name.in" -c dev.txt -o "$name.txt"
done
lock peers.in -c dev.txt --override peers-override.in -o peers.txt
