"""SQS and SNS through boto3, with the credentials that boto3 finds by itself (environment, profile, role).

The only home of boto3 in the marketplace. Its clients block, so they are used in threads.
"""

import re
import threading
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workers.turk.errors import DeliveryFailed

_QUEUE = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/[0-9]{12}/[A-Za-z0-9_-]{1,80}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_CONFIG = Config(connect_timeout=5, read_timeout=5, retries={"max_attempts": 0})
_STAND_IN_REGION = "us-east-1"
_making = threading.Lock()


def queue_region(url: str, endpoint: str) -> str:
    """The region of a queue at AWS or at the endpoint that stands in for it. Raises DeliveryFailed for another one."""
    if endpoint and urlsplit(url)[:2] == urlsplit(endpoint)[:2]:
        return _STAND_IN_REGION
    match = _QUEUE.fullmatch(url)
    if match is None:
        raise DeliveryFailed("An SQS destination is a standard queue's URL: https://sqs.REGION.amazonaws.com/ID/NAME.")
    return match.group(1)


def topic_region(arn: str) -> str:
    """The region of a topic. Raises DeliveryFailed for what is no topic's ARN."""
    match = _TOPIC.fullmatch(arn)
    if match is None:
        raise DeliveryFailed("An SNS destination is a standard topic's ARN: arn:aws:sns:REGION:ID:NAME.")
    return match.group(1)


def send_to_queue(url: str, body: str, endpoint: str) -> None:
    """Sends one message to a queue. Raises DeliveryFailed."""
    try:
        _client("sqs", queue_region(url, endpoint), endpoint).send_message(QueueUrl=url, MessageBody=body)
    except (BotoCoreError, ClientError) as error:
        raise DeliveryFailed(f"SQS: {error}") from error


def publish(arn: str, subject: str, body: str, endpoint: str) -> None:
    """Publishes one message to a topic. Raises DeliveryFailed."""
    try:
        _client("sns", topic_region(arn), endpoint).publish(TopicArn=arn, Subject=subject, Message=body)
    except (BotoCoreError, ClientError) as error:
        raise DeliveryFailed(f"SNS: {error}") from error


def _client(service: str, region: str, endpoint: str) -> Any:
    with _making:  # Making clients is not safe in several threads at once; using them is.
        return _made(service, region, endpoint)


@lru_cache(maxsize=32)
def _made(service: str, region: str, endpoint: str) -> Any:
    session = boto3.session.Session()
    return session.client(service, region_name=region, endpoint_url=endpoint or None, config=_CONFIG)
