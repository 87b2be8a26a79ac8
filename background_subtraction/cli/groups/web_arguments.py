"""The options of the web server, and how it runs beside the command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from background_subtraction.cli import argument_types as values
from background_subtraction.live.session import Session
from background_subtraction.web.access.options import DEFAULT_PORT, LOCAL, PORT, WebOptions
from model_api.errors import OptionError, renamed
from model_api.extras import install_command

LIBRARIES = ("fastapi", "uvicorn", "python_multipart", "aiortc")
"""Of the extra `web`."""
TOKEN_VARIABLE = "BACKGROUND_SUBTRACTION_WEB_TOKEN"
OPTION_OF: Mapping[str, str] = {
    "web": "--web", "web_token": "--web_token", "web_certificate": "--web_certificate",
}  # fmt: skip
"""Parameter of the library -> the option that gives it."""
ADDRESS = re.compile(r"(?:(?P<host>\[[^\]]+\]|[^\[\]:\s/]*):)?(?P<port>\d{1,5})")


def add_web_arguments(parser: argparse._ActionsContainer, *, default: tuple[str, int] | None = None) -> None:
    """Add the options. default: of --web, None for no server."""
    add = parser.add_argument
    add(
        "--web",
        nargs="?",
        type=address,
        const=(LOCAL, DEFAULT_PORT),
        default=default,
        metavar="[HOST:]PORT",
        help=f"A web page and an HTTP interface. For others than this machine name a host, such as 0.0.0.0:8080; they "
        f"need a token then. Without a value: {LOCAL}:{DEFAULT_PORT}.",
    )
    add(
        "--web_token",
        type=values.secret,
        metavar="FILE|env:NAME",
        help=f"A file, or an environment variable, with the token that visitors need. Default: {TOKEN_VARIABLE}, if it "
        "is set; else one is made and printed where others can reach the server.",
    )
    add("--web_names", nargs="+", default=[], metavar="NAME", help="More names by which browsers may reach the server.")
    add("--web_certificate", type=Path, metavar="FILE", help="A PEM file with a certificate: https.")
    add("--web_key", type=Path, metavar="FILE", help="The certificate's key, if it is in another file.")


def address(text: str) -> tuple[str, int]:
    """Read [HOST:]PORT."""
    match = ADDRESS.fullmatch(text)
    if not match or not PORT.holds(int(match["port"])):
        raise argparse.ArgumentTypeError(f'"{text}": expected [HOST:]PORT, such as 8080, 0.0.0.0:8080 or [::1]:8080')
    return (match["host"] or LOCAL).strip("[]"), int(match["port"])


def web_options_of(args: argparse.Namespace, environment: Mapping[str, str]) -> WebOptions | None:
    """The server that the command line asks for, None for none.

    Raises:
        OptionError: an option that a server does not take, or the extra is not installed.
    """
    if args.web is None:
        return None
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise OptionError(f"--web needs {', '.join(missing)}. Install it: {install_command('web')}")
    host, port = args.web
    with renamed(OPTION_OF):
        return WebOptions(
            host=host,
            port=port,
            token=args.web_token or environment.get(TOKEN_VARIABLE, "").strip(),
            names=tuple(args.web_names),
            certificate=args.web_certificate,
            key=args.web_key,
        )


@contextmanager
def listening(options: WebOptions | None) -> Iterator[Any]:
    """Take the port, before a model is loaded. See `web.serving.listening`. None: nothing is done."""
    if options is None:
        yield None
        return
    from background_subtraction.web import serving

    with renamed(OPTION_OF), serving.listening(options) as taken:
        yield taken


@contextmanager
def page_of(taken: Any, session: Session, device: str, model: str) -> Iterator[None]:
    """Show a run on its page, while the block runs.

    Args:
        taken: what `listening` yields.
        session: the run.
        device: where it computes.
        model: what the command line said, "" for nothing: the page may choose it again.
    """
    if taken is None:
        yield
        return
    from background_subtraction.web import serving
    from background_subtraction.web.context import bundled_models

    models = bundled_models()
    if model and model not in models:
        models[Path(model).stem] = model
    with serving.serving(taken, session, device, models=models):
        yield
