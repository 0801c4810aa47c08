"""Messages of the broker are JSON and nothing else: a pickle is refused without being opened."""

import base64
import pickle
import uuid
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from kombu.exceptions import ContentDisallowed
from kombu.message import Message as BrokerMessage


class Harm:
    """What a pickle can do as soon as somebody reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("kind", ["application/x-python-serialize", "application/x-yaml", "application/x-msgpack"])
def test_a_pickled_message_is_refused_and_does_nothing(tmp_path: Path, kind: str) -> None:
    trap = tmp_path / "opened"
    body = base64.b64encode(pickle.dumps(((), {"job_id": Harm(trap)}, {})))
    message = BrokerMessage(
        body=base64.b64decode(body), content_type=kind, content_encoding="binary", delivery_info={},
        headers={"task": "contacts.tasks.run_import", "id": str(uuid.uuid4())}, properties={},
        accept=current_app.conf.accept_content,
    )  # fmt: skip
    with pytest.raises(ContentDisallowed):
        message.decode()
    assert not trap.exists()


def test_workers_take_and_send_json_alone() -> None:
    assert list(current_app.conf.accept_content) == ["json"]
    assert current_app.conf.task_serializer == current_app.conf.result_serializer == "json"
