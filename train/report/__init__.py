"""What a person sees of a training: `page` (report.html) with `figures`, `model_summary` and `class_report`; `preview`
(what the model will see, before any training); `recipe_results` (what the project's recipes reached).

May import `train.fit`, `train.data`, `train.models`, `train.cost` and `train.recipe`.
"""
