#!/usr/bin/env python3
"""Entry point of the CDK: builds the stacks of the chosen stage (`-c stage=dev|staging|prod|all`)."""

import sys

from infra.aws.deployment import synthesize
from infra.aws.layers import BadLayer
from infra.aws.stage import BadStage

try:
    synthesize()
except (BadStage, BadLayer) as mistake:
    sys.exit(str(mistake))
