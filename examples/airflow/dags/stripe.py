"""Stripe into PostgreSQL every hour, one task for each group of streams.

What it needs is in the README beside the folder dags. A task is `tap-stripe | target-warehouse` with a state of its own.

The state is the one in the warehouse. It is committed with the rows that it covers, so it is right after any loss: of the
worker, of its disk, of Airflow's database. A file would have to lie on a disk that all workers share, and a state in an
XCom or a variable would be missing when the worker dies between the commit and the end of the task.
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from datetime import datetime, timedelta

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

POOL = "stripe"  # as many slots as all tasks together may make requests a second

# Streams that are read by one task, and how many requests a second of the pool it takes.
GROUPS = {
    "customers": (["customers", "subscriptions"], 10),
    "billing": (["invoices", "products", "prices", "coupons", "tax_rates"], 15),
    "payments": (["charges", "refunds", "payment_intents", "balance_transactions"], 25),
}

PIPELINE = """
set -euo pipefail
target-warehouse --config ENV --check
target-warehouse state --config ENV get >state.json
tap-stripe --config ENV --state state.json --log-format text --summary-file tap-stripe.json |
	target-warehouse --config ENV --log-format text --summary-file target-warehouse.json >/dev/null
"""

WRONG_SETTINGS, WRONG_CREDENTIALS = 2, 3  # exit codes that no retry mends


class Sync(BaseOperator):
    """Runs the pipeline. It fails with what the binaries say about it, and without a retry where none would help."""

    template_fields = ("env",)

    def __init__(self, *, env: dict[str, str], **arguments):
        super().__init__(**arguments)
        self.env = env
        self.hook = SubprocessHook()

    def execute(self, context) -> None:
        with tempfile.TemporaryDirectory() as directory:
            code = self.hook.run_command(["bash", "-c", PIPELINE], env=dict(os.environ) | self.env, cwd=directory).exit_code
            if code:
                failure = AirflowFailException if code in (WRONG_SETTINGS, WRONG_CREDENTIALS) else AirflowException
                raise failure(diagnosis(pathlib.Path(directory), code))

    def on_kill(self) -> None:
        self.hook.send_sigterm()  # to both binaries: what was read is made durable


def diagnosis(directory: pathlib.Path, code: int) -> str:
    """What the target says of its failure, or else the tap: one that fails takes the tap along, but not the other way round."""
    for name in ("target-warehouse", "tap-stripe"):
        summary = directory / f"{name}.json"
        if summary.exists() and (message := json.loads(summary.read_text())["message"]):
            return message
    return f"the pipeline ended with exit code {code}; its last lines are above"


with DAG(
    "stripe",
    schedule="@hourly",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,  # two runs of a pipeline never help: the second one is refused by the warehouse
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    doc_md=__doc__,
):
    for group, (streams, rate) in GROUPS.items():
        Sync(
            task_id=group,
            pool=POOL,
            pool_slots=rate,
            env={
                "TAP_STRIPE_API_KEY": "{{ conn.stripe.password }}",
                "TAP_STRIPE_REQUEST_RATE": str(rate),
                "TAP_STRIPE_SELECT": json.dumps([f"{stream}.*" for stream in streams]),
                "TARGET_WAREHOUSE_DESTINATION": "postgres",
                "TARGET_WAREHOUSE_URL": "{{ conn.warehouse.get_uri() }}",
                "TARGET_WAREHOUSE_DEFAULT_TARGET_SCHEMA": "stripe",
                "TARGET_WAREHOUSE_PIPELINE": f"stripe-{group}",
            },
        )
