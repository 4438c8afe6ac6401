"""`python -m train tune RECIPE`: look for a better recipe in the space that its [tune] declares, with Optuna.

    runs/<name>-tune/
        study.log          every trial, of every process; give --storage for a data base instead
        history.png        validation accuracy by trial
        importance.png     which values made the difference
        <name>-tuned.toml  the best recipe so far, for `python -m train run`

A trial is a short training. It counts the parameters and multiply-accumulates first and does not train what is over
the budget; it tells its validation accuracy after each epoch and ends when the others were better by then. The first
trial is the recipe as it stands. The test set is taken away before any trial begins.

The study goes on where it was when the command is given again, on the same machine or, with one storage, on others.
Its trials are drawn from fresh entropy, or processes that start together would try the same values.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import matplotlib
import optuna
import tomli_w
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from edgeproof.errors import EdgeproofError, GateError, UsageError
from edgeproof.run_folder import Images
from edgeproof.support.files import sha256, write_atomic
from train.cost import flat_layers, layer_macs, macs
from train.data.samples import Samples, load_dataset, make_samples
from train.fit.callbacks import LossNotFiniteError
from train.fit.checkpoints import open_checkpoints
from train.fit.fit import fit
from train.fit.transfer import begin_with, freeze
from train.models import build
from train.recipe import DataSettings, Recipe, read_recipe
from train.run import initial_weights_of, teachers_of
from train.tune.space import Dimension, Table, TuneSettings, Value, own_values, read_tune, trial_recipe, with_values

matplotlib.use("Agg")  # files only: a server has no display
import matplotlib.pyplot as plt

optuna.logging.set_verbosity(optuna.logging.WARNING)


def tune(
    path: Path,
    runs: Path,
    /,
    *,
    trials: int | None = None,
    jobs: int = 1,
    storage: str | None = None,
    data_dir: Path | None = None,
    **place: Any,
) -> Path:
    """Bring the study of the recipe at `path` to so many `trials` ([tune]'s if None) with `jobs` processes.

    `storage` is an Optuna URL, or a file for its journal. `place` overrides where one's own images are. Returns the
    best recipe's file. Raises UsageError for a bad space and for a study of another space, GateError when no trial was
    within the budget.
    """
    source, table = read_recipe(path)
    settings = read_tune(path, source, table)
    settings = dataclasses.replace(settings, trials=trials or settings.trials)
    folder = runs / f"{path.stem}-tune"
    storage = storage or str(folder / "study.log")
    study = open_study(path.stem, settings, table, storage)
    if jobs > 1:
        words = [str(path), "--runs", str(runs), "--storage", storage, "--trials", str(settings.trials)]
        words += ["--data-dir", str(data_dir)] if data_dir else []
        words += ["--data", str(place["path"])] if place.get("path") else []
        words += ["--strict"] if place.get("strict") else []
        _work_in_processes(jobs, words)
    elif len(_finished(study)) < settings.trials:
        objective = Objective(path, source, table, settings, runs=runs, data_dir=data_dir, place=place)
        study.optimize(objective, callbacks=[_say, _stop_after(settings.trials)])
    draw(study, folder)
    return write_best(study, table, settings, folder / f"{path.stem}-tuned.toml")


def open_study(name: str, settings: TuneSettings, table: Table, storage: str) -> optuna.Study:
    """The study `name` in `storage`, made when it is not there, with the recipe's own values as its first trial."""
    job = {key: value for key, value in table.items() if key in ("data", "model", "train")}
    space = dataclasses.replace(settings, trials=1)
    mark = sha256(json.dumps([job, dataclasses.asdict(space)], sort_keys=True).encode())
    study = optuna.create_study(
        study_name=name,
        storage=_storage(storage),
        direction="maximize",
        pruner=_pruner(settings, settings.epochs or table["train"]["epochs"]),
        load_if_exists=True,
    )
    known = study.user_attrs.get("space")
    if known is None:
        study.set_user_attr("space", mark)
        own = own_values(table, settings)
        if own:
            study.enqueue_trial(own)
    elif known != mark:
        raise UsageError(
            f"{storage}: expected a study of this recipe and space, found one of another: undo the change, "
            "or give another --storage"
        )
    return study


def _storage(storage: str) -> Any:
    """An Optuna URL as it is; a file becomes a journal, which several processes may write at once."""
    if "://" in storage:
        return storage
    Path(storage).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(storage))  # type: ignore[no-untyped-call]


def _pruner(settings: TuneSettings, epochs: int) -> optuna.pruners.BasePruner:
    match settings.pruner:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=4)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(max_resource=epochs)
        case _:
            return optuna.pruners.NopPruner()


# --- one trial --------------------------------------------------------------------------------------------------------


class Objective:
    """From a trial's values to the validation accuracy of its best epoch, in [0, 1]."""

    def __init__(
        self,
        path: Path,
        source: bytes,
        table: Table,
        settings: TuneSettings,
        *,
        runs: Path,
        data_dir: Path | None = None,
        place: Mapping[str, Any] | None = None,
    ) -> None:
        """The first four are the recipe; `place` overrides where one's own images are."""
        self._settings, self._runs, self._recipes, self._data_dir = settings, runs, path.parent, data_dir
        self._recipe = partial(trial_recipe, path, source, table, settings, **(place or {}))
        self._samples: tuple[DataSettings, Samples] | None = None

    def __call__(self, trial: Trial) -> float:
        recipe = self._recipe({name: suggest(trial, name, part) for name, part in self._settings.space.items()})
        samples = self.samples(recipe)
        keras.backend.clear_session()  # type: ignore[no-untyped-call]  # the last trial's graphs
        keras.utils.set_random_seed(recipe.train.seed)
        try:
            model = build(recipe.model, len(samples.classes), samples.input)
        except ValueError as error:  # Keras: more pooling than there are pixels, for example
            raise _pruned(trial, f"no such model: {error}") from None
        self._keep_within_budget(trial, model)
        initial = initial_weights_of(recipe, self._runs, self._recipes, self._data_dir)
        if initial:
            begin_with(model, initial, samples.classes)
            freeze(model, recipe.train.freeze)
        teachers = teachers_of(recipe, self._runs, self._recipes, self._data_dir)
        with tempfile.TemporaryDirectory(prefix="edgeproof-trial-") as folder:
            checkpoints = open_checkpoints(Path(folder), recipe.job, resume=False, overwrite=True)
            try:
                fit(model, samples, recipe.train, teachers, checkpoints, watchers=[_TellStudy(trial)])
            except LossNotFiniteError as error:
                raise _pruned(trial, str(error)) from None
            return max(epoch["val_accuracy"] for epoch in checkpoints.progress.history)

    def samples(self, recipe: Recipe) -> Samples:
        """What a trial trains on and is measured on, without a single test image: nothing can be chosen by those."""
        if self._samples is None or self._samples[0] != recipe.data:
            samples = make_samples(recipe, load_dataset(recipe, self._data_dir))
            none = Images(samples.test.images[:0], samples.test.labels[:0])
            self._samples = recipe.data, dataclasses.replace(samples, test=none)
        return self._samples[1]

    def _keep_within_budget(self, trial: Trial, model: keras.Model) -> None:
        settings = self._settings
        found = {"parameters": model.count_params()}
        if settings.max_macs:
            needed = macs(model)
            if needed is None:
                kind = next(type(layer).__name__ for layer in flat_layers(model) if layer_macs(layer) is None)
                raise UsageError(f"max_macs: how many a layer {kind} needs is not known; search without it")
            found["macs"] = needed
        for name, value in found.items():
            trial.set_user_attr(name, value)
            most = getattr(settings, f"max_{name}")
            if most and value > most:
                raise _pruned(trial, f"{value:,} {name}, at most {most:,} are allowed")


def suggest(trial: Trial, name: str, dimension: Dimension) -> Value:
    """The value of `dimension` that the study wants to try."""
    if dimension.choices:
        chosen: Value = trial.suggest_categorical(name, dimension.choices)
        return chosen
    low, high, step = dimension.low, dimension.high, dimension.step
    assert low is not None and high is not None
    if dimension.whole:
        return trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=dimension.log)
    return trial.suggest_float(name, low, high, step=step, log=dimension.log)


class _TellStudy(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the study each epoch's validation accuracy, and ends the trial when the pruner says so."""

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self._trial = trial

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._trial.report(logs["val_accuracy"], epoch)
        if self._trial.should_prune():
            raise _pruned(self._trial, f"worse than the others after epoch {epoch + 1}")


def _pruned(trial: Trial, reason: str) -> optuna.TrialPruned:
    trial.set_user_attr("pruned", reason)
    return optuna.TrialPruned(reason)


# --- all of them ------------------------------------------------------------------------------------------------------


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that are over; one of a killed process stays "running" for ever, and does not count."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))


def _say(study: optuna.Study, trial: FrozenTrial) -> None:
    facts = [f"{trial.user_attrs[key]:,} {key}" for key in ("parameters", "macs") if key in trial.user_attrs]
    result = f"{trial.value:.4f}" if trial.state == TrialState.COMPLETE else trial.user_attrs.get("pruned", "failed")
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    best = _best(study)
    ahead = f"; best so far {best.value:.4f}, trial {best.number}" if best else ""
    print(f"trial {trial.number}: {', '.join([result, *facts])}, {seconds:.0f} s{ahead}", flush=True)


def _stop_after(trials: int) -> Callable[[optuna.Study, FrozenTrial], None]:
    """Other processes may bring one more each, those that they are at."""

    def stop(study: optuna.Study, _trial: FrozenTrial) -> None:
        if len(_finished(study)) >= trials:
            study.stop()

    return stop


def _best(study: optuna.Study) -> FrozenTrial | None:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return max(complete, key=lambda trial: trial.value or 0.0) if complete else None


def _work_in_processes(jobs: int, words: list[str]) -> None:
    """`python -m train tune` with `words`, `jobs` times, each with its share of the cores.

    Raises EdgeproofError if one fails.
    """
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}
    workers = [subprocess.Popen([sys.executable, "-m", "train", "tune", *words], env=environment) for _ in range(jobs)]
    try:
        codes = [worker.wait() for worker in workers]
    finally:
        for worker in workers:
            worker.terminate()
    if any(codes):
        raise EdgeproofError(f"{sum(map(bool, codes))} of {jobs} processes failed, see above: the study keeps the rest")


# --- results ----------------------------------------------------------------------------------------------------------


def write_best(study: optuna.Study, table: Table, settings: TuneSettings, file: Path) -> Path:
    """Write the recipe of the best trial to `file`. Raises GateError when there is none."""
    best, finished = _best(study), _finished(study)
    if best is None:
        reasons = {trial.user_attrs.get("pruned", "failed") for trial in finished}
        raise GateError(f"none of {len(finished)} trials was trained to its end: {'; '.join(sorted(reasons))}")
    tuned = with_values(table, settings, best.params)
    del tuned["tune"]
    for key in ("expected_accuracy", "expected_minutes"):  # of the recipe that this was
        tuned["train"].pop(key, None)
    facts = ", ".join(f"{best.user_attrs[key]:,} {key}" for key in ("parameters", "macs") if key in best.user_attrs)
    head = (
        f"# python -m train run {file}\n#\n"
        f"# Trial {best.number} of {len(finished)} of `python -m train tune {study.study_name}`: validation accuracy "
        f"{best.value:.4f}\n# after at most {settings.epochs or tuned['train']['epochs']} epochs; {facts}.\n\n"
    )
    write_atomic(file, (head + tomli_w.dumps(tuned)).encode())
    print(f"{file}: trial {best.number} of {len(finished)}, validation accuracy {best.value:.4f}, {facts}")
    return file


def draw(study: optuna.Study, folder: Path) -> None:
    """history.png, and importance.png once there are trials enough to compare."""
    from optuna.visualization import matplotlib as plots

    folder.mkdir(parents=True, exist_ok=True)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    drawn: dict[str, Callable[..., Any]] = {"history": plots.plot_optimization_history} if complete else {}
    if len({trial.value for trial in complete}) > 1:
        drawn["importance"] = plots.plot_param_importances
    for name, plot in drawn.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            figure = plot(study, target_name="validation accuracy").figure
        figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close(figure)
