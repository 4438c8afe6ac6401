# The whole developer interface. Each target sets up what it needs; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
RECIPE ?= digits-quick
RUN    ?= runs/$(RECIPE)
BUNDLE ?= bundle/$(notdir $(RUN))
SOURCE ?= 0
DEVICE ?= auto
# For `make wheelhouse`: of the device to deploy to.
ARCH   ?= aarch64
HOST_PYTHON ?= 3.11
EXTRAS ?=
BUILDER ?= docker
SECONDS = 225
# qemu's names. Haswell, Skylake and EPYC differ in what libraries choose by maker and model: qemu emulates no AVX-512.
# SandyBridge has AVX without AVX2 and FMA, Westmere SSE4.2 and no AVX at all.
CPUS   ?= Haswell Skylake-Server EPYC SandyBridge Westmere

# One wheel of each pair: an NVIDIA GPU takes onnxruntime-gpu, a display (and libGL) takes the OpenCV that opens windows.
ORT    ?= $(shell [ "$$(uname -m)" = x86_64 ] && nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
OPENCV ?= $(shell [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ] && ldconfig -p 2>/dev/null | grep -q 'libGL.so.1' \
                  && echo desktop || echo headless)

# Tests measure on the first of these folders of photos, benchmarks on all, when they are there; they are no part of the project.
PHOTOS := $(patsubst %/labels.jsonl,%,$(abspath $(wildcard ../shared/photos/labels.jsonl ../shared/photos2/labels.jsonl)))
ifneq ($(PHOTOS),)
none :=
export EDGEPROOF_PHOTOS ?= $(subst $(none) $(none),:,$(PHOTOS))
endif

DEV     := .venv/bin
DEVICE_ := .venv-runtime/bin
PACKAGE := $(shell find runtime/edgeproof supply -type f -not -name '*.pyc') pyproject.toml LICENSE NOTICE README.md \
           $(wildcard requirements/*.txt) $(wildcard $(shell git rev-parse --git-path logs/HEAD 2>/dev/null)) # the wheel names its commit
VARIANT := requirements/ort-$(ORT).txt requirements/opencv-$(OPENCV).txt
INSTALL := pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
# The command of a failed recipe names its own exit code; make itself always exits with 2.
REPORT  := || { code=$$?; echo "exit code $$code"; exit $$code; }

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'
	@echo; echo "variables: RECIPE=$(RECIPE) RUN=$(RUN) BUNDLE=$(BUNDLE) SOURCE=$(SOURCE) DEVICE=$(DEVICE)"

setup: .venv/$(ORT)-$(OPENCV).done .venv-runtime/$(ORT)-$(OPENCV).done ## make both environments

demo: .venv-runtime/$(ORT)-$(OPENCV).done ## read the sample picture and video with the bundle that the wheel carries
	$(DEVICE_)/python -m edgeproof.cli.demo samples/numbers.jpg samples/numbers.mp4 --out out $(REPORT)

train: $(RUN)/run.json ## train RECIPE (5 minutes on 2 cores for digits-quick); nothing to do when RUN is newer

convert: $(BUNDLE)/manifest.json ## export RUN to TFLite and ONNX, each proven against Keras

verify: $(BUNDLE)/manifest.json ## prove every artifact of BUNDLE again, on all test images
	$(DEV)/python -m convert verify $(BUNDLE) --run $(RUN) $(REPORT)

bench: .venv/$(ORT)-$(OPENCV).done ## latency and memory per artifact and backend: BUNDLE if it exists, else the wheel's
	$(DEV)/python -m benchmarks run $(wildcard $(BUNDLE)) $(REPORT)

tune: .venv-runtime/$(ORT)-$(OPENCV).done ## measure what of BUNDLE, else the wheel's, is fastest on this machine: read then takes it
	$(DEVICE_)/edgeproof tune $(wildcard $(BUNDLE)) $(REPORT)

table: .venv/$(ORT)-$(OPENCV).done ## write the results table of the wheel's bundle into docs/results.md and README.md
	$(DEV)/python -m benchmarks table --write docs/results.md $(REPORT)
	$(DEV)/python -m benchmarks table --write README.md $(REPORT)

roofline: .venv/$(ORT)-$(OPENCV).done ## what one core can do and what the wheel's bundle reaches of it, into docs/results.md (1 minute)
	$(DEV)/python -m benchmarks roofline --write docs/results.md $(REPORT)

bench-check: .venv/$(ORT)-$(OPENCV).done ## has a row of BUNDLE, or the wheel's, become slower beside the yardstick? (1 minute)
	$(DEV)/python -m benchmarks check $(wildcard $(BUNDLE)) $(REPORT)

# The wheel's bundle stands for the recipe `digits`; bundles of other data (clothes, signs) have another axis.
MNIST = $(basename $(notdir $(shell grep -l '^name = "mnist"' train/recipes/*.toml)))
frontier: .venv/$(ORT)-$(OPENCV).done ## accuracy against arithmetic and time, the wheel's bundle and those of MNIST recipes in bundle/, into docs/results.md
	$(DEV)/python -m benchmarks frontier $(wildcard $(addprefix bundle/,$(filter-out digits,$(MNIST)))) runtime/edgeproof/bundles/digits \
	    --write docs/results.md $(REPORT)

bench-peers: .venv-peers/.done $(RUN)/run.json ## beside Tesseract, RapidOCR, HOG + SVM and the tutorial, into docs/results.md
	.venv-peers/bin/python -m benchmarks peers --run $(RUN) --training .venv-peers/training.npz \
	    $(addprefix --tutorial-bundle ,$(wildcard bundle/cnn-32)) --write docs/results.md $(REPORT)

bench-exporters: .venv/exporters.packages $(RUN)/run.json ## RUN exported by other tools too, whole and damaged, into docs/results.md (8 minutes)
	$(DEV)/python -m benchmarks exporters --run $(RUN) --write docs/results.md $(REPORT)

scenes: $(RUN)/run.json ## robustness of the wheel's bundle on drawn photographs, into docs/results.md (3 minutes)
	$(DEV)/python -m benchmarks scenes --run $(RUN) --write docs/results.md $(REPORT)

architecture: .venv/$(ORT)-$(OPENCV).done ## draw docs/architecture.png from the imports of the code
	PYTHONPATH=.:runtime $(DEV)/python docs/draw_architecture.py $(REPORT)

webcam: .venv-runtime/$(ORT)-$(OPENCV).done ## read digits from SOURCE (camera 0) on DEVICE, with BUNDLE if it exists, else the wheel's
	$(DEVICE_)/edgeproof read $(SOURCE) --device $(DEVICE) $(addprefix --bundle ,$(wildcard $(BUNDLE))) $(REPORT)

test: test-fast ## every test, in both environments (24 minutes on 2 cores)
	$(DEV)/python -m pytest -n 2 --dist loadfile --ignore tests/runtime -m 'slow and not timed'
	$(DEV)/python -m pytest --ignore tests/runtime -m 'slow and timed or browser'

test-fast: setup test-untrained test-wheel ## every test but those that train, convert or open a browser (5 minutes on 2 cores)

# Two at a time, for many wait for something; what trains goes by whole files, which share what they trained. What measures time
# runs alone, as does a browser.
test-untrained: .venv/$(ORT)-$(OPENCV).done dist/.done
	$(DEV)/python -m pytest -n 2 --ignore tests/runtime -m 'not slow and not browser'

soak: setup ## the long checks, an hour and more, and the table of docs/reliability.md: kills, losses, 100,000 frames, a full disk, fuzz
	rm -f out/targets.json
	EDGEPROOF_SOAK=1 $(DEV)/python -m pytest -p tests.soak_table -m "soak or target" && code=0 || code=$$?; \
	$(DEV)/python -m tests.soak_table --write; exit $$code
	$(MAKE) --no-print-directory fuzz SECONDS=60

fuzz: .venv-fuzz/.done ## look for bundles, pictures, source names and requests that end in no error of ours, SECONDS=225 each
	for target in bundle decode parse web; do .venv-fuzz/bin/python tests/fuzz/run.py $$target --seconds $(SECONDS) $(REPORT); done

test-seeds: setup ## what hangs on trained weights, with five other training seeds (half an hour)
	for seed in 11 12 13 14 15; do echo "seed $$seed"; EDGEPROOF_TEST_SEED=$$seed $(DEV)/python -m pytest --ignore tests/runtime -m seeds; done

# As on a device: the wheel alone, and nothing of the checkout on the path but the tests and the samples.
define away
away=$$(mktemp -d); trap 'rm -rf "$$away"' EXIT; mkdir "$$away/tests"; \
cp -r tests/runtime "$$away/tests/"; cp -r samples pyproject.toml "$$away/"; python="$$PWD/$(DEVICE_)/python"; \
cd "$$away"; export EDGEPROOF_WHEEL=1
endef

test-wheel: .venv-runtime/$(ORT)-$(OPENCV).done
	$(away); "$$python" -m pytest -n 2 tests/runtime

test-cpus: setup ## the wheel's tests on emulated CPUS, those that train or convert on fewer instructions (an hour and more)
	$(MAKE) --no-print-directory --keep-going $(CPUS:%=test-cpu-%) test-kernels

# `timed` tests expect the speed of a real machine.
test-cpu-%: .venv-runtime/$(ORT)-$(OPENCV).done
	@[ "$$(uname -m)" = x86_64 ] || { echo "the emulator runs this machine's own libraries: needs x86-64"; exit 2; }
	@command -v qemu-x86_64 >/dev/null || { echo "no qemu-x86_64: on Debian, apt-get install qemu-user"; exit 2; }
	$(away); emulated=$$("$$python" tests/runtime/emulated_cpu.py "$$away/cpu" $*); \
	"$$emulated" -m pytest tests/runtime -m 'not timed'

# On the machine itself, held to fewer instructions: first all that a device has to AVX2.
test-kernels: setup
	@command -v gcc >/dev/null && command -v objdump >/dev/null || { echo "needs gcc and objdump: on Debian, apt-get install gcc binutils"; exit 2; }
	$(away); limited=$$("$$python" tests/runtime/limited_cpu.py "$$away/cpu" AVX2); "$$limited" -m pytest tests/runtime
	ONEDNN_MAX_CPU_ISA=AVX2 $(DEV)/python -m pytest --ignore tests/runtime -m seeds
	TF_ENABLE_ONEDNN_OPTS=0 $(DEV)/python -m pytest --ignore tests/runtime -m seeds

# In a Debian root of arm64 that qemu-user runs; nothing of this machine's is changed, and the root is kept in build-arm64/.
test-arm64: .venv/$(ORT)-$(OPENCV).done ## as root: deploy into an emulated arm64, golden answers, and 1,000 digits beside this machine's
	@$(MAKE) --no-print-directory wheelhouse ARCH=aarch64 HOST_PYTHON=3.11
	@mkdir -p build-arm64
	$(DEV)/python -c "import numpy, sys; from train.data.datasets import load; digits = load('mnist'); \
	    numpy.savez(sys.argv[1], images=digits.test_images[:1000], labels=digits.test_labels[:1000])" build-arm64/digits.npz
	$(DEV)/python tests/runtime/emulated_arm64.py build-arm64 wheelhouse build-arm64/digits.npz $(REPORT)

test-oldest: .venv-oldest/.done ## golden answers of the ONNX files (the wheel's, BUNDLE's) on the oldest ONNX Runtime supported
	.venv-oldest/bin/python -c 'import onnxruntime; print("onnxruntime", onnxruntime.__version__)'
	for bundle in "" $(wildcard $(BUNDLE)); do .venv-oldest/bin/edgeproof verify $$bundle $(REPORT); done

check: .venv/$(ORT)-$(OPENCV).done ## lint, format, types and import boundaries
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/mypy
	$(DEV)/lint-imports

wheel: dist/.done ## build the wheel into dist/

wheelhouse: dist/.done ## the wheels that `edgeproof deploy` brings to a device: ARCH=aarch64|x86_64|armv7l HOST_PYTHON=3.11 EXTRAS=web,mqtt,sign
	.venv-build/bin/python requirements/wheelhouse.py $(ARCH) wheelhouse/$(ARCH) --python $(HOST_PYTHON) \
	    $(if $(EXTRAS),--extras $(EXTRAS)) --wheel dist/edgeproof-*.whl $(REPORT)

# As the registries of images call them.
PLATFORM = linux/$(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(patsubst armv7l,arm/v7,$(ARCH))))
# Proven as it is to run: without network, on a read-only root, as nobody.
image: wheelhouse ## an image of the device's package for ARCH, without ONNX Runtime (needs docker, or BUILDER=podman, and their registry or BASE=…)
	$(BUILDER) build --file docker/Dockerfile --platform $(PLATFORM) --build-arg ARCH=$(ARCH) --build-arg PYTHON=$(HOST_PYTHON) \
	    $(if $(BASE),--build-arg BASE=$(BASE)) --tag edgeproof:$(ARCH) . $(REPORT)
	$(BUILDER) run --rm --platform $(PLATFORM) --network none --read-only --tmpfs /tmp edgeproof:$(ARCH) verify $(REPORT)

lock: ## solve requirements/*.in anew (needs uv)
	requirements/lock.sh

clean: ## remove environments, caches and build products; runs/ and bundle/ stay
	rm -rf .venv .venv-runtime .venv-oldest .venv-peers .venv-fuzz .venv-build build build-arm64 dist out wheelhouse runtime/*.egg-info .mypy_cache .pytest_cache .ruff_cache

$(RUN)/run.json: | .venv/$(ORT)-$(OPENCV).done
	$(DEV)/python -m train run $(RECIPE) --name $(notdir $(RUN)) --runs $(dir $(RUN)) --resume $(REPORT)

$(BUNDLE)/manifest.json: $(RUN)/run.json | .venv/$(ORT)-$(OPENCV).done
	$(DEV)/python -m convert run $(RUN) --name $(notdir $(BUNDLE)) --out $(dir $(BUNDLE)) --overwrite $(REPORT)

.venv/%.done: requirements/dev.txt $(VARIANT)
	$(call fresh_venv,.venv)
	$(DEV)/$(INSTALL) -r requirements/dev.txt $(addprefix -r ,$(VARIANT))
	$(DEV)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

.venv-runtime/%.packages: requirements/runtime.txt requirements/runtime-test.txt $(VARIANT)
	$(call fresh_venv,.venv-runtime)
	$(DEVICE_)/$(INSTALL) -r requirements/runtime.txt -r requirements/runtime-test.txt $(addprefix -r ,$(VARIANT))
	touch $@

.venv-runtime/%.done: .venv-runtime/%.packages dist/.done
	$(DEVICE_)/pip install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall dist/edgeproof-*.whl
	touch $@

# Without LiteRT and OpenCV: an ONNX file that does not run is then an error, for there is nothing else to prove.
.venv-oldest/.packages: requirements/ort-oldest.txt
	$(call fresh_venv,.venv-oldest)
	.venv-oldest/bin/$(INSTALL) -r requirements/ort-oldest.txt
	touch $@

.venv-oldest/.done: .venv-oldest/.packages dist/.done
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall dist/edgeproof-*.whl
	touch $@

# --no-deps: the lock names every package, and RapidOCR asks for an OpenCV by a name that the headless one does not bear.
.venv-peers/.packages: requirements/peers.txt | .venv/$(ORT)-$(OPENCV).done
	$(call fresh_venv,.venv-peers)
	.venv-peers/bin/$(INSTALL) --no-deps -r requirements/peers.txt
	$(DEV)/python -c "import numpy, sys; from train.data.datasets import load; digits = load('mnist'); \
	    numpy.savez(sys.argv[1], images=digits.train_images, labels=digits.train_labels)" .venv-peers/training.npz
	touch $@

.venv-peers/.done: .venv-peers/.packages dist/.done
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall dist/edgeproof-*.whl
	touch $@

# On top of the development environment, whose versions constrain the lock: the other exporters want its TensorFlow.
.venv/exporters.packages: requirements/exporters.txt .venv/$(ORT)-$(OPENCV).done
	$(DEV)/$(INSTALL) -r requirements/exporters.txt
	touch $@

.venv-fuzz/.done: requirements/runtime.txt requirements/web.txt requirements/fuzz.txt $(VARIANT)
	$(call fresh_venv,.venv-fuzz)
	.venv-fuzz/bin/$(INSTALL) -r requirements/runtime.txt -r requirements/web.txt -r requirements/fuzz.txt $(addprefix -r ,$(VARIANT))
	touch $@

.venv-build/.done: requirements/build.txt
	$(call fresh_venv,.venv-build)
	.venv-build/bin/$(INSTALL) -r requirements/build.txt
	touch $@

dist/.done: $(PACKAGE) .venv-build/.done
	rm -rf build dist/*.whl
	export SOURCE_DATE_EPOCH=1577836800; umask 022; \
	.venv-build/bin/pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist . && \
	.venv-build/bin/python -m supply dist/edgeproof-*.whl
	touch $@

define fresh_venv
@echo "setting up $(1) (onnxruntime: $(ORT), OpenCV: $(OPENCV))"
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
    || { echo "$(PYTHON): expected Python 3.11; say which with: make PYTHON=/path/to/python3.11"; exit 2; }
@rm -rf $(1); $(PYTHON) -m venv $(1) || { echo "no venv module: on Debian, apt-get install python3-venv"; exit 2; }
endef

.SECONDARY:
.PHONY: help setup demo train convert verify bench bench-check tune roofline bench-peers bench-exporters table scenes architecture webcam test test-fast test-untrained test-seeds soak fuzz test-wheel test-cpus test-kernels test-arm64 test-oldest check wheel wheelhouse image lock clean
