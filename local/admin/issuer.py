"""Makes and revokes admin keys straight in a deployment's tables, as whoever its AWS credentials are."""

from __future__ import annotations

from typing import Any

import boto3

from tokens_forge.admin.audit import Audit, Author
from tokens_forge.admin.issuing import Issuer
from tokens_forge.clock import SystemClock
from tokens_forge.store.admin import DynamoAdminKeyStore
from tokens_forge.store.audit import DynamoAuditStore


def issuer_of(dynamodb: Any, admin_table: str, audit_table: str) -> Issuer:
    """The issuer on these tables."""
    clock, audit = SystemClock(), DynamoAuditStore(dynamodb, audit_table)
    return Issuer(DynamoAdminKeyStore(dynamodb, admin_table, audit), Audit(audit, clock), clock)


def issuer_of_stack(stack: str) -> Issuer:
    """The issuer of a deployed stack, which names its tables. Uses the AWS credentials of the environment."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    return issuer_of(boto3.client("dynamodb"), outputs["AdminTableName"], outputs["AuditTableName"])


def aws_author(reason: str) -> Author:
    """Whoever these AWS credentials are."""
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    return Author(arn, arn.rpartition("/")[2], reason)
