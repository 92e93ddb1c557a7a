"""The peer of the sockets: as AWS's sample of a chat does, one `post_to_connection` after the other with boto3."""

import json
import os
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

stays = boto3.resource("dynamodb").Table(os.environ["STAYS_TABLE"])
connections = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS_TABLE"])
management = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["WEBSOCKET_ENDPOINT"])


def post(connection: str, message: dict[str, Any]) -> None:
    """Post a message; forget a connection that is gone."""
    try:
        management.post_to_connection(ConnectionId=connection, Data=json.dumps(message).encode())
    except management.exceptions.GoneException:
        forget(connection)


def forget(connection: str) -> None:
    """Delete a connection."""
    key = {"PK": f"NAIVE-CONNECTION#{connection}", "SK": "CONNECTION"}
    found = connections.delete_item(Key=key, ReturnValues="ALL_OLD").get("Attributes")
    if found:
        connections.delete_item(Key={"PK": f"NAIVE-USER#{found['userId']}", "SK": connection})


def subscribe(connection: str, user: str) -> None:
    """Remember the connection of the user and send the present state."""
    connections.put_item(Item={"PK": f"NAIVE-CONNECTION#{connection}", "SK": "CONNECTION", "userId": user})
    connections.put_item(Item={"PK": f"NAIVE-USER#{user}", "SK": connection})
    post(connection, {"type": "SUBSCRIBED"})
    for each in stays.query(IndexName="by_user", KeyConditionExpression=Key("userId").eq(user))["Items"]:
        if each["kind"] == "NAIVE_SESSION":
            post(connection, message_of(each["id"], each["status"], user))


def message_of(stay: str, status: str, user: str) -> dict[str, Any]:
    """Return the message about a session."""
    return {"type": "PAYMENT_STATUS", "paymentId": stay, "status": status, "userId": user}


def tell(record: dict[str, Any]) -> None:
    """Post a changed item to every connection of its user."""
    item = {name: next(iter(value.values())) for name, value in record["dynamodb"]["NewImage"].items()}
    listening = connections.query(KeyConditionExpression=Key("PK").eq(f"NAIVE-USER#{item['userId']}"))["Items"]
    for each in listening:
        post(each["SK"], message_of(item["id"], item["status"], item["userId"]))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a frame of a browser, or a batch of the stream."""
    for record in event.get("Records", ()):
        tell(record)
    context = event.get("requestContext", {})
    if context.get("routeKey") == "SUBSCRIBE":
        subscribe(context["connectionId"], json.loads(event["body"])["userId"])
    if context.get("routeKey") == "$disconnect":
        forget(context["connectionId"])
    return {"statusCode": 200}
