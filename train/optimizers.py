"""The optimizer that a recipe asks for, with its learning rate as a function of the step."""

from __future__ import annotations

import keras

from train.recipe import TrainSettings


def optimizer(settings: TrainSettings, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of `settings`; `steps` is the number of steps in an epoch."""
    rate = _learning_rate(settings, steps)
    match settings.optimizer:
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
        case "adam":
            return keras.optimizers.Adam(rate)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)


def _learning_rate(settings: TrainSettings, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """A number, or a schedule over all steps of the training."""
    peak, warmup = settings.learning_rate, int(settings.warmup_epochs * steps)
    match settings.schedule:
        case "constant":
            return peak
        case "inverse-time":
            return keras.optimizers.schedules.InverseTimeDecay(peak, decay_steps=1, decay_rate=settings.decay)
        case "cosine":
            return keras.optimizers.schedules.CosineDecay(
                0.0 if warmup else peak,
                decay_steps=max(1, settings.epochs * steps - warmup),
                warmup_target=peak if warmup else None,
                warmup_steps=warmup,
            )
