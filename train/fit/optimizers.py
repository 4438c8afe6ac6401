"""The optimizer that a recipe asks for, with its learning rate as a function of the step."""

from __future__ import annotations

from typing import Any

import keras

from train.recipe import TrainSettings


def optimizer(settings: TrainSettings, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of `settings`; `steps` is the number of steps in an epoch."""
    rate = _learning_rate(settings, steps)
    ema: dict[str, Any] = {"use_ema": True, "ema_momentum": settings.ema} if settings.ema else {}
    match settings.optimizer:
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, **ema)
        case "adam":
            return keras.optimizers.Adam(rate, **ema)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate, **ema)


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
