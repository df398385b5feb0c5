"""The blocking client: raw text in, answers out. Its logic is `Conversation`'s, its tasks' methods are the tasks' own."""

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tritext.answering import Answering
from tritext.blocking import Blocking, run, unrolled
from tritext.classification import Classification
from tritext.connecting import connect
from tritext.conversation import Conversation
from tritext.embedding import FeatureExtraction
from tritext.explaining import Explaining
from tritext.mask_filling import MaskFilling
from tritext.ranking import Ranking
from tritext.results import ServedModel
from tritext.retry import RetryPolicy
from tritext.tagging import Tagging
from tritext.task import Errors
from tritext.tls import Tls
from tritext.zero_shot import ZeroShotClassification

if TYPE_CHECKING:
    from typing_extensions import Self


class Client(
    Classification,
    Tagging,
    Answering,
    ZeroShotClassification,
    FeatureExtraction,
    Ranking,
    MaskFilling,
    Explaining,
):
    """A connection to a Triton that serves Tritext's models. One client may be used by many threads.

    Every method raises a `ClientError`: `ModelNotFound`, `IncompatibleModel`, `InvalidText`, `InvalidRequest`,
    `ServerFailed`, `DeadlineExceeded`, or, after the retries that the policy and the deadline allow,
    `Overloaded` or `ServerUnavailable`. Requests change nothing on the server, so each may be sent again.

    Args:
        url: `host:port` or `grpc://host:port` for gRPC, `http://host:port` for HTTP; `grpcs`, `https` for TLS.
        timeout: Seconds that one request may take, its retries included, unless a call says otherwise.
        retry: How often and after which waits to try again.
        in_flight: Requests under way at once when there are many items.
        headers: Sent with every request, for a proxy.
        tls: Whom to trust, and one's own certificate; encrypts also where the URL's scheme does not say so.
        api_key: The server's, for what it keeps from strangers; asking models needs none.
        bulk: The requests let all others go first, and may wait longer.
    """

    def __init__(
        self,
        url: str = "localhost:8001",
        *,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable
        in_flight: int = 4,
        headers: Mapping[str, str] | None = None,
        tls: Tls | None = None,
        api_key: str | None = None,
        bulk: bool = False,
    ) -> None:
        transport = connect(url, headers=headers, asynchronous=False, tls=tls, api_key=api_key)
        world = Blocking(in_flight)
        self._talk = Conversation(
            transport, world, retry=retry, timeout=timeout, in_flight=in_flight, bulk=bulk
        )

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Calls after it raise `ClientClosed`."""
        run(self._talk.close())

    def wait_until_ready(self, name: str | None = None, *, timeout: float = 60.0) -> None:
        """Return when the server, or its model `name`, answers requests.

        Raises:
            ServerUnavailable: Not within `timeout` seconds.
        """
        run(self._talk.catalogue.wait_until_ready(name, timeout))

    def models(self, *, everything: bool = False) -> list[ServedModel]:
        """The models that can be asked, and those that should be but are not ready.

        Args:
            everything: Also the steps of ensembles, and models that are not Tritext's.
        """
        return run(self._talk.catalogue.models(everything=everything))

    def model(self, name: str, *, version: str | int = "") -> ServedModel:
        """One model, which may be a step; its inputs and outputs are those of `version`."""
        return run(self._talk.catalogue.model(name, version))

    def stream(
        self,
        name: str,
        items: Iterable[Any],
        *,
        errors: Errors = "raise",
        plain: bool = False,
        **options: Any,
    ) -> Iterator[Any]:
        """The answers about items without end, as they are there, in the order of the items.

        No more than `in_flight` requests' worth of items and answers is held at any time. Leaving the loop
        stops the rest.

        Args:
            name: The model, of any task.
            items: What its task's method takes: texts, or tuples (text, pair), (question, context), (text,
                candidate labels), (query, texts).
            errors: As for `classify`.
            plain: Whether answers come as the lists and dictionaries that transformers' pipeline returns,
                instead of as records and arrays.
            **options: Those of the task's method.
        """
        return unrolled(self._talk.stream_any(name, items, errors, options, plain=plain))

    def token_counts(
        self, name: str, items: str | Iterable[Any], *, version: str | int = "", timeout: float | None = None
    ) -> npt.NDArray[np.int32]:
        """How long texts are in tokens, special tokens included, before truncation; the network does not run.

        Args:
            name: The model, of any task.
            items: As for `stream`.
            version: A version of the model; the newest if not given.
            timeout: Seconds for each request.

        Returns:
            INT32 [items]; where an item is made of several lines, as by candidate labels, the counts of each line.
        """
        return run(self._talk.token_counts(name, items, version, timeout))
