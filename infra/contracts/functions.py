"""The functions, imported to be described: with placeholder settings, which they do not use until they are called."""

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from infra.topology import FUNCTIONS

ROOT = Path(__file__).parents[2]


@cache
def started(name: str) -> ModuleType:
    """Return a function's module."""
    spec = importlib.util.spec_from_file_location(f"described_{name}", ROOT / "functions" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before = dict(os.environ)
    nowhere = dict.fromkeys((*FUNCTIONS[name].environment, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "0")
    os.environ.update(nowhere, REFUND_POLICY="[]", AWS_DEFAULT_REGION="ap-southeast-1")
    try:
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return module
