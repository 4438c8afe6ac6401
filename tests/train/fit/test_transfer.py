"""A run that begins with another: which weights are taken over, which stay, and that it helps with few images."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from edgeproof.errors import EdgeproofError, IntegrityError, UsageError
from edgeproof.input_contract import InputContract
from train.__main__ import RECIPES, parser
from train.data.samples import make_samples
from train.export import export
from train.fit.fit import predict
from train.fit.transfer import InitialWeights, begin_with, find_initial_weights, freeze, load_model, thaw
from train.models import build
from train.recipe import ModelSettings, load_recipe
from train.run import train

LAYERS = ("conv 4 3x3", "pool", "conv 6 3x3", "average", "dense 5")
DIGITS = tuple("0123456789")


def network(classes: int = 10, layers: tuple[str, ...] = LAYERS) -> keras.Model:
    return build(ModelSettings(layers, batch_norm_momentum=0.9), classes)


@pytest.fixture
def digits(tmp_path: Path) -> InitialWeights:
    """A run of ten classes; its weights are random, but not those of another network."""
    run = tmp_path / "runs/digits"
    run.mkdir(parents=True)
    network().save(run / "model.keras")
    (run / "run.json").write_text(json.dumps({"classes": DIGITS}))
    return find_initial_weights("digits", tmp_path / "runs")


def names_that_differ(one: keras.Model, other: keras.Model) -> set[str]:
    """Of the layers with different weights; the head of either is called logits."""
    pairs = [(a, b) for a, b in zip(one.layers, other.layers, strict=True) if a.weights]
    return {
        a.name
        for a, b in pairs
        if any(not np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))
    }


def test_same_classes_take_the_head_over_and_others_do_not(digits: InitialWeights) -> None:
    theirs = load_model(digits.path / "model.keras")
    same = network()
    begin_with(same, digits, DIGITS)
    assert names_that_differ(same, theirs) == set()
    renamed = network()
    begin_with(renamed, digits, tuple("abcdefghij"))
    assert names_that_differ(renamed, theirs) == {"logits"}
    fewer = network(classes=3)
    begin_with(fewer, digits, tuple("abc"))
    assert fewer.output_shape == (None, 3)
    for ours, other in zip(fewer.layers[:-1], theirs.layers[:-1], strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(ours.get_weights(), other.get_weights(), strict=True))


def test_colour_and_residuals_are_taken_over_too(tmp_path: Path) -> None:
    """As a run of signs begins with one of CIFAR-10."""
    contract = InputContract((32, 32), 3, "stretch")
    words = ("conv 4 3x3", "save", "separable 6 3x3 stride 2", "conv 6 3x3 linear", "add relu", "average")
    photos = build(ModelSettings(words), 10, contract)
    photos.save(tmp_path / "model.keras")
    (tmp_path / "run.json").write_text(json.dumps({"classes": DIGITS}))
    signs = build(ModelSettings(words), 12, contract)
    begin_with(signs, find_initial_weights(str(tmp_path), tmp_path), tuple("abcdefghijkl"))
    for ours, other in zip(signs.layers[:-1], photos.layers[:-1], strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(ours.get_weights(), other.get_weights(), strict=True))
    assert signs.output_shape == (None, 12)


def test_the_shipped_colour_recipes_begin_with_each_other() -> None:
    photos, signs = (load_recipe(RECIPES / f"{name}.toml").model for name in ("cifar-quick", "signs-quick"))
    assert photos.layers == signs.layers


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (("conv 4 5x5", *LAYERS[1:]), r"expected conv2d\S* with weights \[\(5, 5, 1, 4\)\] as in \[model\], found"),
        ((*LAYERS, "dense 5"), "expected 7 layers with weights, found 6"),
    ],
)
def test_other_layers_are_refused(digits: InitialWeights, layers: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        begin_with(network(layers=layers), digits, DIGITS)


@pytest.mark.parametrize(("what", "frozen"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3), ("features", 3)])
def test_freeze_counts_layers_with_their_normalization(what: int, frozen: int) -> None:
    model = network()
    freeze(model, what)  # type: ignore[arg-type]
    still = [layer for layer in model.layers if layer.weights and not layer.trainable]
    counted = [layer for layer in still if not isinstance(layer, keras.layers.BatchNormalization)]
    assert len(counted) == frozen
    assert len(still) - len(counted) == min(frozen, 2)  # two convolutions, each with its normalization
    assert model.layers[-1].trainable
    thaw(model)
    assert all(layer.trainable for layer in model.layers)


def test_where_a_run_is_looked_for(digits: InitialWeights, tmp_path: Path) -> None:
    assert find_initial_weights(str(tmp_path / "runs/digits"), Path("nowhere")) == digits
    with pytest.raises(UsageError, match="expected a run, found none at nowhere/digits"):
        find_initial_weights("digits", Path("nowhere"))


def test_a_file_is_no_run(tmp_path: Path) -> None:
    untrusted = tmp_path / "foreign.h5"
    network().save(untrusted)
    with pytest.raises(UsageError, match=r"found the file .*foreign.h5: models of unknown origin are not loaded"):
        find_initial_weights(str(untrusted), tmp_path)
    with pytest.raises(UsageError, match="not loaded"):
        find_initial_weights("foreign.h5", tmp_path)


def test_an_h5_under_another_name_is_not_loaded(tmp_path: Path) -> None:
    network().save(tmp_path / "foreign.h5")
    disguised = tmp_path / "disguised"
    disguised.mkdir()
    (disguised / "model.keras").write_bytes((tmp_path / "foreign.h5").read_bytes())
    with pytest.raises(IntegrityError, match="expected a whole Keras model without code"):
        load_model(disguised / "model.keras")


def test_a_model_with_code_in_it_is_not_loaded(tmp_path: Path) -> None:
    image = keras.Input((28, 28, 1))
    path = tmp_path / "model.keras"
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2)(image)).save(path)
    with pytest.raises(IntegrityError, match="without code in it"):
        load_model(path)


# --- export -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_the_file_holds_the_same_model(digits: InitialWeights, suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"old.{suffix}"
    export(digits.path, target, overwrite=False)
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), np.uint8)
    one, other = load_model(digits.path / "model.keras"), keras.models.load_model(target)
    np.testing.assert_array_equal(predict(one, images), predict(other, images))
    with pytest.raises(UsageError, match="already exists"):
        export(digits.path, target, overwrite=False)
    with pytest.raises(UsageError, match=r"ends in \.h5 or \.keras"):
        export(digits.path, tmp_path / "old.hdf", overwrite=False)
    with pytest.raises(UsageError, match="expected a run folder"):
        export(tmp_path, tmp_path / "new.h5", overwrite=False)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_what_only_the_training_needs_is_left_out(suffix: str, tmp_path: Path) -> None:
    model, target = build(ModelSettings(("conv 40 3x3", "flatten")), 10), tmp_path / f"alone.{suffix}"
    model.compile("adamw", "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    export(tmp_path, target, overwrite=False)
    assert getattr(keras.models.load_model(target), "optimizer", None) is None
    assert target.stat().st_size < (tmp_path / "model.keras").stat().st_size / 2


@pytest.mark.parametrize("form", ["h5", "keras"])
def test_export_is_a_verb(form: str) -> None:
    args = parser().parse_args(["export", "runs/digits", f"--{form}", f"digits.{form}"])
    assert (args.run, args.file, args.overwrite) == (Path("runs/digits"), Path(f"digits.{form}"), False)


# --- does it help? ----------------------------------------------------------------------------------------------------

SOURCE = """
[data]
fraction = 0.1
validation = 500
negatives = 300

[model]
layers = ["conv 8 5x5 stride 2", "conv 16 3x3 stride 2", "flatten"]
batch_norm_momentum = 0.9

[train]
epochs = 2
batch = 32
seed = {seed}
learning_rate = 5e-3
warmup_epochs = 0.2
"""

#: Ten images of each digit and no "reject": the head must begin anew.
FEW = (
    SOURCE.replace("fraction = 0.1", "per_class = 10")
    .replace("negatives = 300", "")
    .replace("batch = 32", "batch = 20")
    .replace("epochs = 2", "epochs = 20")
)


@pytest.mark.slow
def test_few_images_teach_more_on_top_of_another_run(tmp_path: Path, seed: int) -> None:
    few = FEW.format(seed=seed)
    (tmp_path / "source.toml").write_text(SOURCE.format(seed=seed))  # trained by the first run that begins with it
    (tmp_path / "scratch.toml").write_text(few)
    (tmp_path / "transfer.toml").write_text(
        few.replace("[train]", '[train]\ninit_from = "source"\nfreeze = "features"')
    )
    facts = {}
    for name in ("scratch", "transfer"):
        run = train(load_recipe(tmp_path / f"{name}.toml"), tmp_path / "runs", tmp_path)
        facts[name] = json.loads((run / "run.json").read_text())
    assert facts["transfer"]["data"]["train"] == 100
    assert facts["scratch"]["init_from"] is None
    assert facts["transfer"]["init_from"]["run"] == "source"
    gain = facts["transfer"]["metrics"]["test_accuracy"] - facts["scratch"]["metrics"]["test_accuracy"]
    assert gain > 0.03  # the features come from 5,900 images of the same kind, not from 100; about 0.1 with any seed
    source, transfer = (load_model(tmp_path / "runs" / name / "model.keras") for name in ("source", "transfer"))
    assert names_that_differ(transfer, source) == {"logits"}  # frozen
    assert all(layer.trainable for layer in transfer.layers)


def test_per_class_draws_so_many_of_each(tmp_path: Path) -> None:
    from train.data import datasets as data

    path = tmp_path / "few.toml"
    path.write_text(FEW.format(seed=1))
    samples = make_samples(load_recipe(path), data.load("mnist"))
    assert np.bincount(samples.train.labels).tolist() == [10] * 10
    other = make_samples(load_recipe(path, seed=2), data.load("mnist"))
    assert not np.array_equal(samples.train.images, other.train.images)
    with pytest.raises(EdgeproofError, match="expected 9000 training images of class 0, found"):
        make_samples(load_recipe(path, per_class=9000), data.load("mnist"))
