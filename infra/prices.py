"""AWS's prices as constants: dollars for one unit, the page that has it, and the day of the copy that was read.

They are the prices of us-east-1, without free tiers. Look up the region of a stage before you rely on an amount:
`aws pricing get-products --service-code AWSLambda --filters Type=TERM_MATCH,Field=regionCode,Value=ap-southeast-1`.
"""

from typing import NamedTuple

REGION = "us-east-1"


class Price(NamedTuple):
    """The dollars for one unit."""

    dollars: float
    unit: str
    page: str  # AWS's own page; copies of it were read, because AWS could not be reached
    read: str = "2026-11-27"  # the day of the copy; copies without a date count as read on this day


_LAMBDA = "aws.amazon.com/lambda/pricing"
_GATEWAY = "aws.amazon.com/api-gateway/pricing"
_DYNAMODB = "aws.amazon.com/dynamodb/pricing/on-demand"
_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing"
_EVENTBRIDGE = "aws.amazon.com/eventbridge/pricing"
_SECRETS = "aws.amazon.com/secrets-manager/pricing"
_CLOUDFRONT = "aws.amazon.com/cloudfront/pricing"
_WAF = "aws.amazon.com/waf/pricing"
_MILLION = 1_000_000

LAMBDA_CALL = Price(0.20 / _MILLION, "call", _LAMBDA)
LAMBDA_ARM_GB_SECOND = Price(0.0000133334, "GB-second on arm64", _LAMBDA)
HTTP_REQUEST = Price(1.00 / _MILLION, "request", _GATEWAY, "2025-05-19")
WEBSOCKET_MESSAGE = Price(1.00 / _MILLION, "message of up to 32 kB", _GATEWAY, "2025-05-19")
WEBSOCKET_MINUTE = Price(0.25 / _MILLION, "minute of a connection", _GATEWAY, "2025-05-19")
DYNAMODB_WRITE = Price(0.625 / _MILLION, "write unit of 1 kB", _DYNAMODB, "2025-07-21")
DYNAMODB_READ = Price(0.125 / _MILLION, "read unit of 4 kB", _DYNAMODB, "2025-07-21")
DYNAMODB_GB_MONTH = Price(0.25, "GB-month", _DYNAMODB)
DYNAMODB_RECOVERY_GB_MONTH = Price(0.20, "GB-month of point-in-time recovery", _DYNAMODB)
ALARM_METRIC_MONTH = Price(0.10, "metric of an alarm, a month", _CLOUDWATCH, "2026-06-13")
METRIC_MONTH = Price(0.30, "metric of our own, a month", _CLOUDWATCH, "2026-02-15")
DASHBOARD_MONTH = Price(3.00, "dashboard, a month", _CLOUDWATCH, "2026-06-13")
LOGS_GB = Price(0.50, "GB written to a log", _CLOUDWATCH, "2026-06-13")
LOGS_GB_MONTH = Price(0.03, "GB-month of a log", _CLOUDWATCH)
EVENT = Price(1.00 / _MILLION, "event of 64 kB put on the bus", _EVENTBRIDGE, "2026-03-13")
SCHEDULED_CALL = Price(1.00 / _MILLION, "call of a schedule", _EVENTBRIDGE, "2026-03-13")
SECRET_MONTH = Price(0.40, "secret, a month", _SECRETS)
SECRET_READ = Price(0.05 / 10_000, "reading of a secret", _SECRETS)
QUEUE_REQUEST = Price(0.40 / _MILLION, "request to a queue", "aws.amazon.com/sqs/pricing")
MAIL = Price(0.10 / 1_000, "mail", "aws.amazon.com/ses/pricing")
# CloudFront's prices are those for viewers in Viet Nam.
CLOUDFRONT_REQUEST = Price(0.0120 / 10_000, "HTTPS request", _CLOUDFRONT)
CLOUDFRONT_GB = Price(0.120, "GB sent to viewers", _CLOUDFRONT)
CLOUDFRONT_CALL = Price(0.10 / _MILLION, "call of a CloudFront function", _CLOUDFRONT)
WAF_ACL_MONTH = Price(5.00, "web ACL, a month", _WAF)
WAF_RULE_MONTH = Price(1.00, "rule or group of rules, a month", _WAF)
WAF_REQUEST = Price(0.60 / _MILLION, "request that is inspected", _WAF)
TRAFFIC_GB = Price(0.09, "GB sent to the internet", "aws.amazon.com/ec2/pricing/on-demand", "2025-05-19")
