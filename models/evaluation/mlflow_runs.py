"""A run's copy in MLflow, for those who keep their experiments there.

A tracking server that is away costs a warning and no more: the run's folder is written already.
"""

import logging
import os
import re
from typing import TYPE_CHECKING, Final

import mlflow
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from models.evaluation.runs import Run

EXPERIMENT: Final = "segue"
_LOG: Final = logging.getLogger(__name__)


def log_to_mlflow(run: "Run") -> bool:
    """Log parameters, metrics and files; False, with a warning, if MLflow did not take them."""
    # A folder as tracking URI was somebody's choice; MLflow 3 wants to be told so once more.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(run_name=run.id):
            mlflow.set_tag("command", run.told["name"])
            mlflow.log_params(run.told["params"])
            mlflow.log_metrics({metric_name(k): v for k, v in run.metrics.items()})
            mlflow.log_artifacts(str(run.folder))
    except (MlflowException, OSError) as error:
        _LOG.warning("%s is whole, but MLflow did not take it: %s", run.folder, error)
        return False
    return True


def metric_name(name: str) -> str:
    """The name without what MLflow refuses.

    >>> metric_name("stages.ranked.hr@20")
    'stages.ranked.hr_at_20'
    """
    return re.sub(r"[^\w./ -]", "_", name.replace("@", "_at_"))
