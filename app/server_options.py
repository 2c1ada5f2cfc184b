"""The options of commands that talk to a running service."""

from __future__ import annotations

from typing import Annotated

import typer

Server = Annotated[str, typer.Option("--server", envvar="EASEL_SERVER_URL", help="Address of the service.")]
Key = Annotated[
    str | None, typer.Option("--key", envvar="EASEL_API_KEY", help="Your API key, where the service asks for one.")
]
OperatorKey = Annotated[
    str | None, typer.Option("--key", envvar="EASEL_OPERATOR_KEY", help="The operators' key, if set.")
]
DEFAULT_SERVER = "http://127.0.0.1:8000"
