"""A stage's settings: read from cdk.json and checked. One sentence says which settings contradict each other."""

import json
import re
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from infra.peak import MESSAGES, Peak
from infra.topology import EVENT_SOURCE, MAIL_PAGES, MAILS, TABLES

STAGES = ("dev", "staging", "prod")

# ZaloPay publishes the keys of these apps, so anyone can sign a callback for them.
PUBLIC_APP_IDS = frozenset({553, 554, 2553, 2554, 15847})

EDGE_REGION = "us-east-1"  # the only region for what belongs to CloudFront: its WAF and its certificates

ALIAS = "live"  # all callers of a function use this alias

ZALOPAY_ENDPOINTS = {"sandbox": "https://sb-openapi.zalopay.vn", "production": "https://openapi.zalopay.vn"}

CDK_JSON = Path(__file__).resolve().parents[2] / "cdk.json"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?")
_BASE = re.compile(r"https://[a-z0-9.-]+(:\d+)?(/[\w.~-]+)*", re.ASCII)
_ID = re.compile(r"{\w*}|[{}]")
_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)


class BadStage(Exception):
    """A stage cannot be built with these settings. One sentence says what to change."""


def _origin(url: str) -> str:
    if url == "*":
        raise ValueError("`*` is no origin: requests carry credentials, so every frontend has to be named")
    if not _ORIGIN.fullmatch(url):
        raise ValueError(f"`{url}` is no origin: https://host, without a path or a slash at the end")
    return url


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc or not url.endswith("/"):
        raise ValueError(f"`{url}` is no issuer: https://tenant.auth0.com/, with the slash at the end")
    return url


def _base(url: str) -> str:
    if not _BASE.fullmatch(url):
        raise ValueError(f"`{url}` is no address of a backend: https://host/api/v1, without a slash at the end")
    return url


def _address(text: str) -> str:
    if not re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", parseaddr(text)[1]):  # SES and IAM need punycode
        raise ValueError(f"`{text}` is no mail address")
    return text


def _mail_kind(name: str) -> str:
    if name not in MAILS:
        raise ValueError(f"`{name}` is no mail: take some of {', '.join(MAILS)}")
    return name


def _pages(own: dict[str, str]) -> dict[str, str]:
    """Complete the stage's own pages. Each is a path of the frontend, with the ids that its usual page has."""
    for name, path in own.items():
        usual = MAIL_PAGES.get(name)
        if usual is None:
            raise ValueError(f"`{name}` is no page: take some of {', '.join(MAIL_PAGES)}")
        if not path.startswith("/") or set(_ID.findall(path)) - set(_ID.findall(usual)):
            raise ValueError(f"`{path}` is no path like {usual}")
    return MAIL_PAGES | own


def _retention(days: int) -> int:
    if days not in _RETENTIONS:
        raise ValueError(f"CloudWatch keeps logs for {', '.join(map(str, _RETENTIONS))} days")
    return days


def _policy(steps: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    days = [step[0] for step in steps]
    if not steps or days != sorted(set(days), reverse=True) or days[-1] != 0:
        raise ValueError("steps of [days before check-in, percent] go down to day 0")
    if not all(0 <= percent <= 100 for _, percent in steps):
        raise ValueError("a percentage lies between 0 and 100")
    return steps


def _source(name: str) -> str:
    if name == EVENT_SOURCE or name.startswith("aws."):
        raise ValueError(f"`{name}` is not the auction system's: it is the source of other events")
    return name


Address = Annotated[str, AfterValidator(_address)]
Account = Annotated[str, Field(pattern=r"^\d{12}$")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Domain(_Settings):
    """A stage's own domain; its certificate is in the stage's region, or in the edge's if the stage has one."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
    certificate: Annotated[str, Field(pattern=r"^arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+$")]


class Edge(_Settings):
    """CloudFront and WAF in front of both APIs, under the stage's domain.

    The edge sends one of the two values in its secret; functions accept both. docs/deploy.md says how to change them.
    """

    sends: Literal["current", "previous"] = "current"


class NamedTable(_Settings):
    """A table that stands for one of the topology's: `make restore` made it from a backup."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
    stream: Annotated[str, Field(pattern=r"^[0-9T:.-]+$")] | None = None  # the label of its stream


class Stage(_Settings):
    """One deployment, with its own names, data and settings."""

    name: str
    account: Account | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    frontends: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], Field(min_length=1)]
    issuer: Annotated[str, AfterValidator(_issuer)]
    audience: Annotated[str, Field(min_length=1)]
    zalopay: Literal["sandbox", "production", "simulator"]
    zalopay_app_id: Annotated[int, Field(ge=1)]
    mail_sender: Address
    mails_off: tuple[Annotated[str, AfterValidator(_mail_kind)], ...] = ()  # the kinds of mail that it does not send
    mail_pages: Annotated[dict[str, str], AfterValidator(_pages)] = MAIL_PAGES
    websocket_identity: Literal["bound", "strict", "open"]
    alarm_address: Address
    monthly_budget: Annotated[int, Field(ge=1)]  # US dollars; a mail goes out when a month costs more, or will
    auction_source: Annotated[str, Field(pattern=r"^[\w./-]+$"), AfterValidator(_source)]  # of its events on the bus
    auction_account: Account | None = None  # where the auction system runs, if that is another account
    refund_policy: Annotated[tuple[tuple[int, int], ...], AfterValidator(_policy)]
    partial_win_page: bool = False  # whether the frontend has a working page for partial wins
    log_retention_days: Annotated[int, AfterValidator(_retention)]
    expected_peak: Annotated[int, Field(ge=100)]  # winners who pay within a minute; infra/peak.py says what follows
    reserve_concurrency: bool
    concurrency_quota: Annotated[int, Field(ge=1)] = 1000  # concurrent invocations that Lambda allows the account
    request_quota: Annotated[int, Field(ge=1)] = 10_000  # requests a second that API Gateway allows the account
    mails_per_second: Annotated[float, Field(gt=0)] = 1  # SES's rate; 1 is that of its sandbox
    domain: Domain | None = None
    edge: Edge | None = None
    legacy_api_url: Annotated[str, AfterValidator(_base)] | None = None  # its address; replaces the API's own prefix
    tables: dict[str, NamedTable] = {}  # tables of the topology that were restored under another name
    maintenance: bool = False  # nothing is sold or written: the clock and the auction events wait

    @property
    def peak(self) -> Peak:
        """What follows from `expectedPeak`."""
        return Peak(self.expected_peak)

    @property
    def reservations(self) -> dict[str, int]:
        """The reserved concurrency of functions that have some."""
        return self.peak.reservations(self.concurrency_quota)[0] if self.reserve_concurrency else {}

    def doubts(self) -> Iterator[str]:
        """What the account's quotas do not allow, each in one sentence."""
        _, left_out = self.peak.reservations(self.concurrency_quota)
        if self.reserve_concurrency and left_out:
            yield (
                f"concurrencyQuota {self.concurrency_quota} is too small to reserve concurrency for "
                f"{', '.join(left_out)} at expectedPeak {self.expected_peak}: they have no reservation"
            )
        if self.peak.requests() > self.request_quota * (1 - MESSAGES):
            yield (
                f"expectedPeak {self.expected_peak} brings {self.peak.requests()} requests a second, more than the "
                f"half of requestQuota {self.request_quota} that messages leave: API Gateway would refuse some"
            )

    @property
    def protected(self) -> bool:
        """Whether this stage takes real money."""
        return self.name == "prod"

    @property
    def slug(self) -> str:
        """The prefix of the names of its resources."""
        return f"stays-{self.name}"

    def table_name(self, table: str) -> str:
        """Return the name in DynamoDB of a table of the topology."""
        if table in self.tables:
            return self.tables[table].name
        return self.slug if table == "stays" else f"{self.slug}-{table}"

    def function_name(self, name: str) -> str:
        """Return the name in Lambda of a function of the topology."""
        return f"{self.slug}-{name.replace('_', '-')}"

    def block_list(self, family: str) -> str:
        """Return the name of the edge's list of blocked addresses of a family: IPV4 or IPV6."""
        return f"{self.slug}-blocked-{family.lower()}"

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.zalopay == "production" and self.zalopay_app_id in PUBLIC_APP_IDS:
            raise ValueError(
                f"zalopayAppId {self.zalopay_app_id} is ZaloPay's public sandbox app, whose keys everybody knows: "
                "put your own where zalopay is `production`"
            )
        if self.edge and not self.domain:
            raise ValueError("`edge` needs a `domain`: both APIs stand under its name")
        region = EDGE_REGION if self.edge else self.region
        if self.domain and f":acm:{region}:" not in self.domain.certificate:
            raise ValueError(f"the certificate of domain {self.domain.name} has to lie in {region}")
        if self.domain and self.legacy_api_url and urlsplit(self.legacy_api_url).hostname == self.domain.name:
            raise ValueError(f"legacyApiUrl leads to {self.domain.name} itself: calls would go round in circles")
        if self.account is None and self.name != "dev":
            raise ValueError("`account` is missing in cdk.json: a wrong sign-in would deploy into another account")
        self._has_tables()
        if self.protected:
            self._takes_money()
        return self

    def _has_tables(self) -> None:
        for table, named in self.tables.items():
            if table not in TABLES:
                raise ValueError(f"tables: there is no table `{table}`")
            if not named.name.startswith(f"{self.slug}-"):
                raise ValueError(f"tables: `{named.name}` is no table of this stage: `{self.slug}-…`")
            if TABLES[table].stream is not (named.stream is not None):
                raise ValueError(f"tables: the table `{table}` has {'a' if TABLES[table].stream else 'no'} `stream`")

    def _takes_money(self) -> None:
        if self.zalopay_app_id in PUBLIC_APP_IDS:
            raise ValueError(
                f"zalopayAppId {self.zalopay_app_id} is ZaloPay's public sandbox app, whose keys everybody knows: "
                "put your own"
            )
        if self.zalopay != "production":
            raise ValueError(f"zalopay is `{self.zalopay}`, where nobody pays: prod takes `production` only")
        if self.websocket_identity == "open":
            raise ValueError("websocketIdentity `open` would show everybody's payments: take `bound` or `strict`")
        plain = [each for each in self.frontends if not each.startswith("https://")]
        if plain:
            raise ValueError(f"frontends has `{plain[0]}`: prod is called over https only")


def read_context() -> dict[str, Any]:
    """Read the context in cdk.json: the stages and the CDK's feature flags, which otherwise only the CLI passes."""
    context: dict[str, Any] = json.loads(CDK_JSON.read_text())["context"]
    return context


def read_stage(name: str, context: Mapping[str, Any]) -> Stage:
    """Read one stage. `zalopay` in the context (`-c zalopay=simulator`) overrides the stage's own. Raises BadStage."""
    stages = context.get("stages", {})
    if name not in stages:
        raise BadStage(f"There is no stage `{name}` in cdk.json: take one of {', '.join(stages)}, or all.")
    chosen = {"zalopay": context["zalopay"]} if context.get("zalopay") else {}
    try:
        return Stage.model_validate({**stages[name], **chosen, "name": name})
    except ValidationError as error:
        raise BadStage(f"Stage {name}: {_sentence(error)}.") from None


def read_stages(context: Mapping[str, Any]) -> list[Stage]:
    """Read the stages that the context chooses: one, or `all`. Raises BadStage."""
    chosen = context.get("stage", "dev")
    return [read_stage(name, context) for name in (context["stages"] if chosen == "all" else [chosen])]


def _sentence(error: ValidationError) -> str:
    """Describe the first problem in one sentence; the next run shows the next problem."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"`{where}` is missing in cdk.json"
    if first["type"] == "extra_forbidden":
        return f"`{where}` is no setting"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
