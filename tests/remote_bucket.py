"""A bucket for tests, in moto's emulator of S3 on this machine."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final, Self

import pytest

NAME: Final = "a-bucket"


@functools.cache
def _emulator() -> str:
    """Address of the emulator, started once for all tests of a process."""
    server = pytest.importorskip("moto.server")
    pytest.importorskip("obstore")
    running = server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    return f"http://{host}:{port}"


class Bucket:
    """Files under `some/place` of a bucket."""

    url = f"s3://{NAME}/some/place/"

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._patch = pytest.MonkeyPatch()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead to it."""
        return {
            "AWS_ENDPOINT_URL": _emulator(),
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-bucket",
            "AWS_REGION": "us-east-1",
        }

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=NAME, Key=f"some/place/{name}", Body=data)

    def __enter__(self) -> Self:
        boto = pytest.importorskip("boto3")
        for variable, value in self.environment.items():
            self._patch.setenv(variable, value)
        self._client: Any = boto.client("s3", endpoint_url=_emulator())
        self._client.create_bucket(Bucket=NAME)
        for name, data in self._files.items():
            self.put(name, data)
        return self

    def __exit__(self, *trouble: object) -> None:
        for item in self._client.list_objects_v2(Bucket=NAME).get("Contents", ()):
            self._client.delete_object(Bucket=NAME, Key=item["Key"])
        self._client.delete_bucket(Bucket=NAME)
        self._patch.undo()
