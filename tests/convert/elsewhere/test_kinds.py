"""Other people's models by kind: each is taken, and answers as it did, or is refused with the one right reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert.keras_model import keras_logits, load_model
from edgeproof import scores
from edgeproof.errors import GateError, UsageError
from edgeproof.input_contract import InputContract
from edgeproof.resize import make_inputs

pytestmark = pytest.mark.slow

Body = Callable[[Any], Any]
LYING = InputContract((20, 30), 1, "stretch")
SIZE = (28, 28, 1)


def keras() -> Any:
    import keras

    return keras


def scaled(scale: float, offset: float = 0.0) -> Any:
    """Undoes pixel × scale + offset, so that what comes behind it has 0..1 again."""
    return keras().layers.Rescaling(1 / (255 * scale), -offset / (255 * scale))


def model_of(inputs: Any, outputs: Any) -> Any:
    return keras().Model(inputs, outputs)


def image(shape: tuple[int | None, ...] = SIZE, **options: Any) -> Any:
    return keras().Input(shape, **options)


# ---- what is taken ---------------------------------------------------------------------------------------------------


def plain(body: Body) -> Any:
    x = image()
    return model_of(x, body(x))


def softmax(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Softmax()(body(x)))


def softmax_in_the_last_layer(body: Body) -> Any:
    x = image()
    last = keras().layers.Dense(10, activation="softmax")
    made = model_of(x, last(body(x)))
    last.set_weights([np.eye(10), np.zeros(10)])
    return made


def raw(body: Body) -> Any:
    x = image()
    return model_of(x, body(scaled(1)(x)))


def signed(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Softmax()(body(scaled(1 / 127.5, -1)(x))))


def inverted(body: Body) -> Any:
    x = image()
    return model_of(x, body(scaled(-1 / 255, 1)(x)))


def scaling_inside_that_is_not_all(body: Body) -> Any:
    """`Rescaling(2, offset=-1)`, trained on x/255."""
    x = image()
    return model_of(x, body(scaled(1 / 127.5, -1)(keras().layers.Rescaling(2, offset=-1)(x))))


def normalization_adapted_on_0_to_1(body: Body) -> Any:
    x = image()
    inner = keras().layers.Normalization(mean=0.13, variance=0.31**2)(x)
    return model_of(x, body(keras().layers.Rescaling(0.31, 0.13)(inner)))


def flattened(body: Body) -> Any:
    x = image((784,))
    return model_of(x, keras().layers.Softmax()(body(keras().layers.Reshape(SIZE)(x))))


def without_channels(body: Body) -> Any:
    x = image((28, 28))
    return model_of(x, body(keras().layers.Reshape(SIZE)(x)))


def channels_first(body: Body) -> Any:
    x = image((1, 28, 28))
    return model_of(x, body(keras().layers.Permute((2, 3, 1))(x)))


def fixed_batch(body: Body) -> Any:
    x = image(batch_size=32)
    return model_of(x, body(x))


def built_by_its_first_batch(body: Body) -> Any:
    sequential = keras().Sequential([keras().layers.Rescaling(1.0), keras().Sequential([image(), *layers_of(body)])])
    sequential(np.zeros((32, *SIZE), np.float32))
    return sequential


def layers_of(body: Body) -> list[Any]:
    return plain(body).layers[1:]


def any_size(body: Body) -> Any:
    x = image((None, None, 1))
    return model_of(x, body(x))


def bytes_in(body: Body) -> Any:
    x = image(dtype="uint8")
    return model_of(x, body(keras().layers.Rescaling(1 / 255)(x)))


def halves_in(body: Body) -> Any:
    x = image(dtype="float16")
    return model_of(x, body(keras().layers.Rescaling(1.0, dtype="float32")(x)))


def nested_softmax(body: Body) -> Any:
    x = image()
    return model_of(x, keras().Sequential([plain(body), keras().layers.Softmax()])(x))


def softmax_then_reshape(body: Body) -> Any:
    layers = keras().layers
    x = image()
    return model_of(x, layers.Flatten()(layers.Softmax()(layers.Reshape((1, 1, 10))(body(x)))))


def log_softmax(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Activation("log_softmax")(body(x)))


def softmax_of_the_ops(body: Body) -> Any:
    x = image()
    return model_of(x, keras().ops.softmax(body(x)))


def wide_outputs(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Reshape((1, 1, 10))(body(x)))


def averaged(body: Body) -> Any:
    layers = keras().layers
    x = image()
    logits = body(x)
    return model_of(x, layers.Average()([layers.Softmax()(logits), layers.Softmax()(layers.Rescaling(1.1)(logits))]))


def ten_sigmoids(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Activation("sigmoid")(keras().layers.Rescaling(2.0, -5.0)(body(x))))


TAKEN = {
    plain: "takes pixels as 0-1: .*gives logits",
    softmax: "takes pixels as 0-1: .*its softmax is cut off",
    softmax_in_the_last_layer: "takes pixels as 0-1: .*its softmax is cut off",
    raw: "takes pixels as 0-255: ",
    signed: "takes pixels as minus1-1: ",
    inverted: "takes pixels as 1-0: ",
    scaling_inside_that_is_not_all: "takes pixels as 0-1: ",
    normalization_adapted_on_0_to_1: "takes pixels as 0-1: ",
    flattened: r"takes \(784,\): the picture is reshaped",
    without_channels: r"takes \(28, 28\): the picture is reshaped",
    channels_first: r"takes \(1, 28, 28\): the picture is reshaped",
    fixed_batch: "its batch of 32 may be any now",
    built_by_its_first_batch: "its batch of 32 may be any now",
    any_size: "takes pixels as 0-1",
    bytes_in: "takes pixels as 0-255",
    halves_in: "takes pixels as 0-1",
    nested_softmax: "its softmax is cut off",
    softmax_then_reshape: "its softmax is cut off",
    log_softmax: "its softmax is cut off",
    softmax_of_the_ops: "its softmax is cut off",
    wide_outputs: "gives logits",
    averaged: "gives probabilities .* their logarithm is taken",
    ten_sigmoids: "its 10 sigmoids are cut off",
}


@pytest.mark.parametrize("kind", TAKEN, ids=lambda kind: kind.__name__)
def test_a_kind_that_is_taken_answers_as_the_network_inside_it(
    kind: Callable[[Body], Any], body: Body, model: Any, foreign: Any
) -> None:
    run = foreign.run(kind(body))
    assert re.search(TAKEN[kind], foreign.said), foreign.said
    expected = keras_logits(model, run.test.images)
    assert (run.test.logits.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.99  # a tie may fall otherwise
    if kind not in (averaged, ten_sigmoids):
        found, wanted = scores.softmax(run.test.logits), scores.softmax(expected)
        assert np.abs(found - wanted).max() < 0.02  # of a range that is not its own: 0.5 and more
    load_model(run)  # what was written is what was read


# ---- colour ----------------------------------------------------------------------------------------------------------

MARGIN = 2  # 32×32, with the digit in red alone


@pytest.fixture(scope="module")
def colour(arrays: dict[str, Any]) -> dict[str, Any]:
    random = np.random.default_rng(5)

    def coloured(digits: Any) -> Any:
        padded = np.pad(digits, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
        others = random.integers(0, 256, (2, *padded.shape), np.uint8)
        return np.stack([padded, *others], axis=-1)

    return {name: coloured(values) if name[0] == "x" else values for name, values in arrays.items()}


def of_red(body: Body, tensor: Any, red: int = 0) -> Any:
    """The answer to one channel of a tensor (N, 32, 32, 3) in 0..1."""
    layers = keras().layers
    one = layers.Conv2D(1, 1, use_bias=False)
    tensor = one(tensor)
    one.set_weights([np.eye(3)[:, red].reshape(1, 1, 3, 1)])
    return body(layers.Cropping2D(MARGIN)(tensor))


def of_imagenet_in_torch(body: Body) -> Any:
    x = image((32, 32, 3))
    undone = keras().layers.Rescaling([0.229, 0.224, 0.225], [0.485, 0.456, 0.406])(x)
    return model_of(x, of_red(body, undone))


def of_imagenet_in_caffe(body: Body) -> Any:
    x = image((32, 32, 3))
    undone = keras().layers.Rescaling([1 / 255] * 3, [103.939 / 255, 116.779 / 255, 123.68 / 255])(x)
    return model_of(x, of_red(body, undone, red=2))


def colour_first(body: Body) -> Any:
    x = image((3, 32, 32))
    return model_of(x, of_red(body, keras().layers.Permute((2, 3, 1))(x)))


def colour_flattened(body: Body) -> Any:
    x = image((3072,))
    return model_of(x, of_red(body, keras().layers.Reshape((32, 32, 3))(x)))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (of_imagenet_in_torch, "takes pixels as torch"),
        (of_imagenet_in_caffe, "takes pixels as caffe"),
        (colour_first, "channels come first in it"),
        (colour_flattened, r"takes \(3072,\)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_colour(  # noqa: PLR0917
    kind: Callable[[Body], Any], said: str, body: Body, model: Any, foreign: Any, colour: dict[str, Any]
) -> None:
    run = foreign.run(kind(body), foreign.data(**colour))
    assert re.search(said, foreign.said), foreign.said
    assert run.record.input.tensor_shape == (32, 32, 3)
    expected = keras_logits(model, foreign.arrays["x_test"])
    assert np.abs(scores.softmax(run.test.logits) - scores.softmax(expected)).max() < 0.02


def test_pictures_of_another_size_or_colour_become_what_the_model_takes(
    body: Body, foreign: Any, colour: dict[str, Any]
) -> None:
    x = image((32, 32, 3))
    run = foreign.run(model_of(x, of_red(body, x)), resize="stretch")
    assert "pictures of 28×28×1 become 32×32×3 (stretch)" in foreign.said
    assert run.test.images.shape == (len(run.test), 32, 32, 3)
    run = foreign.run(plain(body), foreign.data(**colour), pixels="0-1", resize="stretch")
    assert "pictures of 32×32×3 become 28×28×1 (stretch)" in foreign.said


def of_upright(shape: tuple[int, ...], body: Body) -> Any:
    """Takes pictures of 30×20, and is the network on the middle of them."""
    x, layers = image(shape), keras().layers
    return model_of(x, body(layers.ZeroPadding2D((0, 4))(layers.Cropping2D((1, 0))(layers.Reshape((30, 20, 1))(x)))))


@pytest.mark.parametrize("shape", [(30, 20, 1), (30, 20), (1, 30, 20)], ids=str)
def test_a_picture_that_lies_is_not_reshaped_to_one_that_stands(
    shape: tuple[int, ...], body: Body, foreign: Any
) -> None:
    """20 rows of 30 pixels are as many numbers as 30 rows of 20, and another picture."""
    upright = {
        name: np.pad(values, ((0, 0), (1, 1), (0, 0)))[:, :, 4:24] if name[0] == "x" else values
        for name, values in foreign.arrays.items()
    }
    lying = {name: make_inputs(values, LYING) if name[0] == "x" else values for name, values in upright.items()}
    run = foreign.run(of_upright(shape, body), foreign.data(**lying), pixels="0-1")
    assert "pictures of 20×30×1 become 30×20×1 (stretch): if it was trained on others (turned)" in foreign.said
    assert run.record.input.size == (30, 20)
    assert run.test.correct >= 0.9 * len(run.test)  # blurred by the way there and back


# ---- two classes -----------------------------------------------------------------------------------------------------


def one_output(body: Body, end: str | None) -> Any:
    """Whether the digit is a 3: the logit of 3 less what the others sum up to, nearly."""
    x = image()
    last = keras().layers.Dense(1, activation=end)
    made = model_of(x, last(body(x)))
    last.set_weights([np.where(np.arange(10) == 3, 4.0, -0.2).reshape(10, 1), np.array([-4.0])])
    return made


@pytest.mark.parametrize(
    ("end", "said"),
    [("sigmoid", "its one sigmoid is cut off and becomes two classes"), (None, "its one logit becomes")],
)
def test_one_output_becomes_two_classes(end: str | None, said: str, body: Body, foreign: Any) -> None:
    three = {name: (values == 3).astype(np.int64) for name, values in foreign.arrays.items() if name[0] == "y"}
    made = one_output(body, end)
    run = foreign.run(made, foreign.data(**three))
    assert said in foreign.said
    assert (run.test.logits[:, 0] == 0).all()
    answers = keras().ops.convert_to_numpy(made(run.test.images[..., None] / np.float32(255)))[:, 0]
    expected = answers if end else 1 / (1 + np.exp(-answers))
    assert np.abs(scores.softmax(run.test.logits)[:, 1] - expected).max() < 1e-3


# ---- outputs that are no logits --------------------------------------------------------------------------------------


def test_outputs_trained_to_be_one_hot_become_logits(body: Body, model: Any, foreign: Any) -> None:
    """As squared error trains them: a last layer without activation, by least squares on what comes before it."""
    x = image()
    hidden = keras().layers.Softmax()(body(x))
    last = keras().layers.Dense(10)
    made = model_of(x, last(hidden))
    last.set_weights([np.eye(10), np.zeros(10)])
    foreign.run(made)  # its outputs sum to 1: they are told from probabilities below
    assert "their logarithm is taken" in foreign.said
    last.set_weights([1.1 * np.eye(10), np.full(10, -0.05)])
    run = foreign.run(made)
    assert "its outputs are scores in 0..1, made into logits" in foreign.said
    expected = keras_logits(model, run.test.images).argmax(axis=1)
    assert (run.test.logits.argmax(axis=1) == expected).mean() >= 0.99


# ---- what is refused -------------------------------------------------------------------------------------------------


def two_outputs(body: Body) -> Any:
    x = image()
    logits = body(x)
    return model_of(x, {"digit": logits, "even": keras().layers.Dense(1, name="even")(logits)})


def two_inputs(body: Body) -> Any:
    x, y = image(name="left"), image(name="right")
    return model_of([x, y], body(keras().layers.Add()([x, y])))


def sequences(body: Body) -> Any:
    x = image((None, *SIZE))
    return model_of(x, body(x[:, 0]))


def more_outputs(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Dense(12)(body(x)))


def one_number(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Dense(1)(body(x)))


def not_finite(body: Body) -> Any:
    x = image()
    last = keras().layers.Dense(10, name="head")
    made = model_of(x, last(body(x)))
    last.set_weights([np.full((10, 10), np.nan), np.zeros(10)])
    return made


def at_chance(body: Body) -> Any:
    x = image()
    last = keras().layers.Dense(10)
    made = model_of(x, last(body(x)))
    last.set_weights([np.roll(np.eye(10), 1, axis=1), np.zeros(10)])
    return made


def unsure(body: Body) -> Any:
    """Right, and never much more probable than the next."""
    x = image()
    return model_of(x, keras().layers.Softmax()(keras().layers.Rescaling(0.02)(body(x))))


REFUSED = {
    two_outputs: (UsageError, r"expected one output, found 2 \(dense\w*, even\): save the one"),
    two_inputs: (UsageError, r"expected one input, a picture, found 2 \(left, right\)"),
    sequences: (UsageError, r"expected a model of one picture.*found input \(None, None, 28, 28, 1\)"),
    more_outputs: (UsageError, r"expected outputs \(None, 10\).*name all 12 classes in an array 'classes'"),
    one_number: (UsageError, r"expected outputs \(None, 10\).*found \(None, 1\)"),
    not_finite: (UsageError, r"head/kernel: weights that are not finite: its training diverged"),
    at_chance: (GateError, r"knows \d+% of the training images, whatever pixels .*chance: 10%"),
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_a_kind_that_is_refused_is_told_why(kind: Callable[[Body], Any], body: Body, foreign: Any) -> None:
    error, message = REFUSED[kind]
    with pytest.raises(error, match=message):
        foreign.run(kind(body))
    assert not list(foreign.folder.glob("run*"))


def test_a_model_that_is_never_sure(body: Body, foreign: Any) -> None:
    with pytest.raises(GateError, match="is certain of no test image"):
        foreign.run(unsure(body), pixels="0-1")


def test_labels_that_count_from_one(body: Body, foreign: Any) -> None:
    later = {name: values + 1 for name, values in foreign.arrays.items() if name[0] == "y"}
    with pytest.raises(UsageError, match="do the labels count from 1"):
        foreign.run(plain(body), foreign.data(**later))


def test_a_range_that_was_told_is_taken_and_another_that_fits_far_better_is_said(body: Body, foreign: Any) -> None:
    run = foreign.run(plain(body), pixels="minus1-1")
    assert "takes pixels as minus1-1 as told" in foreign.said
    assert "0-1 fits far better than what you told" in foreign.said
    assert run.table["pixels"] == "minus1-1"
    with pytest.raises(UsageError, match=r"--pixels caffe: expected 0-255, 0-1, .* for a model of 1 channel"):
        foreign.run(plain(body), pixels="caffe")


def test_an_imported_run_may_be_written_again(body: Body, foreign: Any) -> None:
    first = foreign.run(plain(body), pixels="0-1")
    foreign.count = 0  # the same folder
    with pytest.raises(UsageError, match="run1 already exists: choose another --keep-run or give --overwrite"):
        foreign.run(plain(body), pixels="0-1")
    foreign.count = 0
    assert foreign.run(plain(body), pixels="0-1", overwrite=True).record == first.record


def test_a_model_worse_than_the_mean_of_each_class_is_said_to_be(body: Body, foreign: Any) -> None:
    """The picture was turned by a quarter when it was trained. What such a model takes as a pixel it cannot always tell."""
    x = image()
    foreign.run(model_of(x, body(keras().layers.Permute((2, 1, 3))(x))), pixels="0-1")
    assert "is right less often than whoever takes the nearest class mean" in foreign.said
