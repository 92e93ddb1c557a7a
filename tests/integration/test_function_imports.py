"""The modules that each function loads when it starts, in its own process as in Lambda."""

import os
import subprocess
import sys

from infra.topology import FUNCTIONS
from tests.unit.test_dependencies import LAYER, ROOT, SPEAKS_TO_ZALOPAY


def settings() -> dict[str, str]:
    values = dict.fromkeys((name for each in FUNCTIONS.values() for name in each.environment), "http://localhost:9")
    return values | {
        "ZALOPAY_APP_ID": "2553",
        "REFUND_POLICY": "[[0, 0]]",
        "POSTS_PER_SECOND": "1",
        "MAILS_PER_SECOND": "1",
        "MAIL_PAGES": "{}",
        "MAILS_OFF": "[]",
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "tests",
        "POWERTOOLS_METRICS_NAMESPACE": "Stays",
    }


def test_really_imported_each_function_loads_only_what_it_needs() -> None:
    """Each function starts in its own process, with only its own settings and paths."""
    code = "import importlib, sys; importlib.import_module(sys.argv[1]); print(*sys.modules)"
    loading = {}
    for name, function in FUNCTIONS.items():
        given = {**settings(), "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(LAYER)])}
        others = {each for one in FUNCTIONS.values() for each in one.environment} - set(function.environment)
        environment = {key: value for key, value in given.items() if key not in others}
        loading[name] = subprocess.Popen(  # noqa: S603  # our own interpreter on our own modules
            [sys.executable, "-c", code, name], env=environment, stdout=subprocess.PIPE, text=True
        )
    loaded = {name: set(process.communicate(timeout=60)[0].split()) for name, process in loading.items()}
    assert {name: process.returncode for name, process in loading.items()} == dict.fromkeys(FUNCTIONS, 0)
    assert {name for name, modules in loaded.items() if "httpx" in modules} == SPEAKS_TO_ZALOPAY
    assert {name for name, modules in loaded.items() if "jinja2" in modules} == {"fulfilment"}
    assert {name for name, modules in loaded.items() if "icalendar" in modules} == {"fulfilment", "calendars"}
    assert {name for name, modules in loaded.items() if "jwt" in modules} == {"connections"}
    for name, modules in loaded.items():
        assert modules & set(FUNCTIONS) == {name}
        assert not {module for module in modules if module.partition(".")[0] in {"infra", "tests"}}
