"""From settings to templates: adds the stacks of each chosen stage, runs their checks, and prints the result."""

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from aws_cdk import App, Environment, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.aws.backend_stack import BackendStack
from infra.aws.data_stack import DataStack
from infra.aws.edge_stack import EdgeStack
from infra.aws.layers import WITHOUT_BYTECODE, BadLayer, Layer, code_layer, dependency_layer
from infra.aws.stage import Stage, read_context, read_stages
from infra.topology import FUNCTIONS, HTTP_CALLS, WEBSOCKET_CALLS

_FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


def synthesize() -> None:
    """Build the templates for `cdk synth` and `cdk deploy`. Raises BadStage and BadLayer."""
    begun = time.monotonic()
    app = App(context=read_context())
    stages = add_stages(app)
    check_bytecode((dependency_layer(), code_layer()), must=app.node.try_get_context("bytecode") != "optional")
    check(app)
    app.synth()
    _report(stages, time.monotonic() - begun)


def add_stages(app: App) -> list[Stage]:
    """Add the stacks of every stage that the app's context chooses; `-c` overrides cdk.json.

    `-c new=Data,Backend` names the stacks that do not exist yet: they are protected by the deployment after it.
    """
    new = (app.node.try_get_context("new") or "").split(",")
    stages = read_stages({name: app.node.try_get_context(name) for name in ("stage", "stages", "zalopay")})
    for stage in stages:
        env = Environment(account=stage.account, region=stage.region)
        data = DataStack(app, stage, env, new="Data" in new)
        backend = BackendStack(app, stage, data, env, new="Backend" in new)
        if stage.edge:
            backend.add_stack_dependency(EdgeStack(app, stage))
    return stages


def check(app: App) -> None:
    """Make the synthesis fail if a template breaks one of AWS's rules."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True), ServerlessChecks(app, verbose=True))


def check_bytecode(layers: Iterable[Layer], *, must: bool) -> None:
    """Print a warning if a layer has no bytecode. Raises BadLayer if it must have some, as for a deployment."""
    if all(layer.is_compiled for layer in layers):
        return
    if must:
        raise BadLayer(WITHOUT_BYTECODE)
    print(f"Warning: {WITHOUT_BYTECODE}", file=sys.stderr)  # noqa: T201


def figures(stage: Stage) -> Iterator[str]:
    """Say what follows from a stage's `expectedPeak`."""
    peak = stage.peak
    whole = {"HTTP": peak.throttle(HTTP_CALLS), "WebSocket": peak.throttle(WEBSOCKET_CALLS)}
    rates = ", ".join(f"{name} {rate} (burst {burst})" for name, (rate, burst) in (whole | peak.throttles()).items())
    reserved = ", ".join(f"{name} {number}" for name, number in stage.reservations.items())
    shares = ", ".join(f"{n} {r}" for n, r in peak.rates(stage.request_quota, stage.mails_per_second).items())
    yield f"{stage.name}: {stage.expected_peak} winners pay within a minute"
    yield f"  throttles, requests a second: {rates}"
    yield f"  reserved concurrency: {reserved or 'none'}"
    yield f"  of each invocation: {shares}"
    if stage.edge:
        limits = ", ".join(f"{name} {limit}" for name, limit in peak.address_limits().items())
        yield f"  of each address, requests a minute: {limits}"


def _report(stages: list[Stage], seconds: float) -> None:
    names = ", ".join(stage.name for stage in stages)
    print(f"{names}: synthesized in {seconds:.1f} s")  # noqa: T201
    for stage in stages:
        print("\n".join(figures(stage)))  # noqa: T201
    for layer in (dependency_layer(), code_layer()):
        size, zipped = layer.size / 1e6, layer.zipped / 1e6
        print(f"layer {layer.name}: {layer.files} files, {size:.1f} MB, {zipped:.1f} MB zipped")  # noqa: T201
    sizes = {name: (_FUNCTIONS / f"{name}.py").stat().st_size / 1e3 for name in FUNCTIONS}
    print("functions: " + ", ".join(f"{name} {size:.1f} kB" for name, size in sizes.items()))  # noqa: T201
