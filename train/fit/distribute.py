"""One training on several devices of this machine, or on several machines: `--distribute mirrored|multi-worker`.

    mirrored       one copy of the model per GPU of this machine (one on a machine without any)
    multi-worker   one per machine: start the same command on each of them, with TensorFlow's own TF_CONFIG
                   {"cluster": {"worker": ["hostA:7001", "hostB:7001"]}, "task": {"type": "worker", "index": 0}}

The loop over the steps is ours, made of `strategy.run`: under MultiWorkerMirroredStrategy, `model.fit` of Keras 3.15
ends in "a PerReplica value cannot be converted to a tensor", whatever it is fed. What `fit` would call besides, the
callbacks are called by this loop at the same moments.

Beside the copies that the strategy keeps, every process has the plain model that it was given. After each epoch that
one gets the weights and the optimizer's state; validation, checkpoints and everything later use it and know nothing of
the strategy. So a run begun by two workers may be resumed by three, or by one without this module.

Each worker reads its own share of the training images. (`experimental_distribute_dataset` would let each of them
augment all images and throw the others' away.) The first worker, the chief, says where to begin, with which weights,
and when to stop; it alone validates, keeps checkpoints and writes the run folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeproof.errors import EdgeproofError, UsageError
from edgeproof.run_folder import Images
from train.fit.distillation import accuracy
from train.fit.rendezvous import rendezvous
from train.fit.throughput import Waiting
from train.recipe import TrainSettings

Kind = Literal["mirrored", "multi-worker"]
#: What TensorFlow raises when a worker dies, is cut off or stops answering, within about ten seconds.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
_EXAMPLE = '{"cluster": {"worker": ["hostA:7001", "hostB:7001"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Task:
    """What TF_CONFIG says about this process."""

    index: int
    """0 is the chief."""
    addresses: tuple[str, ...]
    """host:port of every worker, this one included; the chief's first."""


@dataclass(frozen=True)
class Team:
    """The processes that train one model."""

    strategy: tf.distribute.Strategy
    index: int = 0
    """Of this process; 0 is the chief."""
    workers: int = 1

    @property
    def chief(self) -> bool:
        return self.index == 0

    @property
    def replicas(self) -> int:
        """Copies of the model, over all workers."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def replicas_here(self) -> int:
        """Copies of the model on one worker."""
        return self.replicas // self.workers

    def from_chief(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chief's `values`, float64 (N,), on every worker."""
        return self.sum(values if self.chief else np.zeros_like(values))

    def sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The workers' `values`, float64 (N,), added up."""
        total = self.strategy.experimental_local_results(self._sum(tf.constant(values, tf.float64)))[0]
        return np.asarray(total) / self.replicas_here  # each of them has added the same

    @cached_property
    def _sum(self) -> Callable[[Any], Any]:
        def add(mine: Any) -> Any:
            # Times one: an operation of this replica, for a constant of the host's has no place in a collective.
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, mine * 1.0)

        return tf.function(lambda mine: self.strategy.run(add, args=(mine,)))  # type: ignore[no-any-return]


# --- who takes part ---------------------------------------------------------------------------------------------------


def join(kind: Kind) -> Team:
    """Meet the other workers; this has to happen before TensorFlow does anything else.

    Raises UsageError for a TF_CONFIG that is none, EdgeproofError when a worker does not come.
    """
    if kind == "mirrored":
        return Team(tf.distribute.MirroredStrategy())
    task = read_tf_config(os.environ.get("TF_CONFIG"))
    print(f"worker {task.index} of {', '.join(task.addresses)}: waiting for the others", flush=True)
    rendezvous(task.index, task.addresses)
    with lost_worker("start every worker again"):
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # TensorFlow would note it and go on: `kill` is to end a worker
    return Team(strategy, task.index, len(task.addresses))


def read_tf_config(text: str | None) -> Task:
    """This process's place in the cluster that `text`, the variable TF_CONFIG, describes. Raises UsageError."""
    if not text:
        raise UsageError(f"--distribute multi-worker: expected the variable TF_CONFIG, found none, e.g. {_EXAMPLE}")
    try:
        config = json.loads(text)
        cluster, (job, index) = config["cluster"], (config["task"]["type"], int(config["task"]["index"]))
        addresses = {name: [str(address) for address in cluster[name]] for name in cluster}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"TF_CONFIG: expected JSON such as {_EXAMPLE}, found {text} ({error!r})") from None
    for name in (*addresses, job):
        if name not in ("chief", "worker"):
            raise UsageError(f"TF_CONFIG: expected the jobs worker and, if wanted, chief; found '{name}'")
    if not 0 <= index < len(addresses.get(job, ())):
        raise UsageError(f"TF_CONFIG: expected task {job} {index} in the cluster, found {addresses}")
    chiefs = addresses.get("chief", [])
    everyone = (*chiefs, *addresses.get("worker", []))
    return Task(index + (len(chiefs) if job == "worker" else 0), everyone)


@contextmanager
def lost_worker(advice: str) -> Iterator[None]:
    """TensorFlow's many words for a worker that is gone are one sentence and `advice` here."""
    try:
        yield
    except _LOST as error:
        named = re.search(r"/job:(\w+)/replica:\d+/task:(\d+)(?= while calling| The tasks have)", str(error))
        who = f"{named[1]} {named[2]}" if named else "another worker"
        raise EdgeproofError(f"{who} is gone (killed, cut off, or ended by an error of its own): {advice}") from error


# --- training ---------------------------------------------------------------------------------------------------------


def fit_together(
    team: Team,
    model: keras.Model,
    part: Images,
    batches_of: Callable[[Images, TrainSettings, int, int], tf.data.Dataset],
    *,
    settings: TrainSettings,
    epochs: range,
    validate: Callable[[], dict[str, float]],
    callbacks: Sequence[keras.callbacks.Callback],
    waiting: Waiting,
) -> tf.data.Dataset:
    """What `model.fit` would do with the compiled `model`, done by all of the team. Every worker calls it.

    batches_of(images, settings, first epoch, batches of an epoch) → the endless batches of a share of the images, of which
    each replica takes one per step. `epochs`, `validate` and the `callbacks` (their `model` is `model`) count on the chief
    only, and so do the weights and the optimizer of `model` before; afterwards they are equal on all workers. Returns the
    batches of this worker, as many images as it takes per step.

    Raises UsageError when the batch cannot be shared out, EdgeproofError when a worker is lost.
    """
    if settings.batch % team.replicas:
        raise UsageError(
            f"[train] batch: expected a multiple of the {team.replicas} copies of the model, found {settings.batch}"
        )
    steps = len(part) // settings.batch
    advice = "start every worker again, with --resume: the epochs that are done are kept by the chief"
    with lost_worker(advice) if team.workers > 1 else nullcontext():
        replicated = _replicated(team, model)
        model.optimizer.build(model.trainable_variables)
        epochs = _begin_alike(team, model, replicated, epochs)
        own = batches_of(*_share(team, part, settings), epochs.start, steps * team.replicas_here)
        iterator = iter(team.strategy.distribute_datasets_from_function(lambda _: own))
        step, mean = _step(team, replicated, model.loss), _mean(team, replicated.non_trainable_weights)
        observer = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs.stop, steps=steps)
        model.stop_training = False
        observer.on_train_begin()
        for epoch in epochs:
            observer.on_epoch_begin(epoch)
            logs = _take_steps(iterator, step, steps, observer, waiting)
            _end_alike(team, model, replicated, mean, epoch)
            if team.chief:
                observer.on_test_begin()
                validation = validate()
                observer.on_test_end(validation)
                observer.on_epoch_end(epoch, logs | {f"val_{name}": value for name, value in validation.items()})
            if team.from_chief(np.array([float(model.stop_training)]))[0]:
                break
        observer.on_train_end()
    return own.rebatch(settings.batch // team.workers)


def _replicated(team: Team, model: keras.Model) -> keras.Model:
    """A copy of the compiled `model` whose variables, and its optimizer's, are those of the strategy."""
    with team.strategy.scope():
        replicated = keras.models.clone_model(model)
        replicated.optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
        replicated.optimizer.build(replicated.trainable_variables)
    return replicated


def _take_steps(
    iterator: Iterator[Any],
    step: Callable[..., tuple[Any, Any]],
    steps: int,
    observer: keras.callbacks.CallbackList,
    waiting: Waiting,
) -> dict[str, float]:
    """One epoch: so many `steps` on the next batches. Returns the mean loss and accuracy, in Keras' words."""
    total, means = np.zeros(2), dict[str, float]()
    for number in range(steps):
        observer.on_train_batch_begin(number)
        asked = time.monotonic()
        batch = next(iterator)
        waiting.seconds += time.monotonic() - asked
        total += [float(value) for value in step(*batch)]
        loss, right = (float(value) for value in total / (number + 1))
        means = {"accuracy": right, "loss": loss}
        observer.on_train_batch_end(number, means)
    return means


def _share(team: Team, part: Images, settings: TrainSettings) -> tuple[Images, TrainSettings]:
    """This worker's training images, and the settings to draw batches for one of its replicas from them.

    The shares have nothing in common; each worker changes its images in its own way.
    """
    own = Images(part.images[team.index :: team.workers], part.labels[team.index :: team.workers])
    return own, dataclasses.replace(
        settings, batch=settings.batch // team.replicas, seed=settings.seed + 7919 * team.index
    )


def _step(team: Team, model: keras.Model, of: keras.losses.Loss) -> Callable[..., tuple[Any, Any]]:
    """One step of all replicas: (images, targets) of each → mean loss `of` the whole batch, and its accuracy."""

    def replica(images: Any, targets: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            # Keras' optimizer adds the replicas' gradients up; its loss objects would divide as this does.
            loss = tf.reduce_mean(of.call(targets, logits))
            loss = tf.add_n([loss, *model.losses]) / team.replicas
        variables = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss, variables), variables)
        right = tf.reduce_mean(accuracy(targets, logits)) / team.replicas
        return loss, right

    def step(images: Any, targets: Any) -> tuple[Any, Any]:
        loss, right = team.strategy.run(replica, args=(images, targets))
        total = tf.distribute.ReduceOp.SUM
        return team.strategy.reduce(total, loss, axis=None), team.strategy.reduce(total, right, axis=None)

    return tf.function(step)  # type: ignore[no-any-return]


# --- the same everywhere ----------------------------------------------------------------------------------------------


def _begin_alike(team: Team, model: keras.Model, replicated: keras.Model, epochs: range) -> range:
    """Give every worker's `replicated` the weights and the optimizer of the chief's `model`. Returns the chief's `epochs`."""
    state = [float(epochs.start), float(epochs.stop)]
    flat = np.concatenate([state, *[np.asarray(variable, np.float64).ravel() for variable in _state(model)]])
    flat = team.from_chief(flat)
    _assign(_state(replicated), flat[2:])
    return range(int(flat[0]), int(flat[1]))


def _end_alike(
    team: Team, model: keras.Model, replicated: keras.Model, mean: Callable[[], NDArray[np.float64]], epoch: int
) -> None:
    """Give `model` the weights and the optimizer of its `replicated` copy, on every worker.

    What a batch normalization has seen differs between the replicas, each of which saw other images: all get the
    mean. The rest is the same anyhow; EdgeproofError if it is not, for then the workers do not train one model.
    """
    if replicated.non_trainable_weights:
        _assign(replicated.non_trainable_weights, mean())
    flat = np.concatenate([np.asarray(variable, np.float64).ravel() for variable in _state(replicated)])
    _assign(_state(model), flat)
    digests = np.zeros(team.workers)
    digests[team.index] = int(weights_digest(model), 16)
    if len(set(team.sum(digests))) > 1:
        raise EdgeproofError(f"the workers' weights differ after epoch {epoch + 1}: do all run the same versions?")


def weights_digest(model: keras.Model) -> str:
    """The first 12 hex digits of the weights' sha256: few enough to travel as one float64."""
    content = b"".join(np.ascontiguousarray(weight).tobytes() for weight in model.get_weights())
    return hashlib.sha256(content).hexdigest()[:12]


def _mean(team: Team, variables: list[Any]) -> Callable[[], NDArray[np.float64]]:
    """A function that asks all replicas for the mean of `variables`, all in one row, float64."""

    def mine() -> Any:
        flat = tf.concat([tf.reshape(tf.cast(variable.value, tf.float64), [-1]) for variable in variables], axis=0)
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, flat)

    everywhere = tf.function(lambda: team.strategy.run(mine))
    return lambda: np.asarray(team.strategy.experimental_local_results(everywhere())[0])


def _state(model: keras.Model) -> list[Any]:
    """Weights and the optimizer's variables, in the same order for a model and its replicated copy."""
    return [*model.weights, *model.optimizer.variables]


def _assign(variables: list[Any], flat: NDArray[np.float64]) -> None:
    for variable in variables:
        size = int(np.prod(variable.shape))
        variable.assign(flat[:size].reshape(variable.shape))
        flat = flat[size:]
