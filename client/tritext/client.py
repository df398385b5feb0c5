"""The blocking client: raw text in, answers out. Its logic is `Conversation`'s; here are its face and its documentation."""

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from tritext.blocking import Blocking, run, unrolled
from tritext.classification import label_names, plan, probabilities_question, token_counts_question
from tritext.connecting import connect
from tritext.conversation import Conversation, Delivery, Errors
from tritext.failures import InvalidText
from tritext.results import Label, ServedModel
from tritext.retry import RetryPolicy

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from tritext.classification import Options


class Client:
    """A connection to a Triton that serves Tritext's models. One client may be used by many threads.

    Every method raises a `ClientError`: `ModelNotFound`, `IncompatibleModel`, `InvalidText`, `InvalidRequest`,
    `ServerFailed`, `DeadlineExceeded`, or, after the retries that the policy and the deadline allow,
    `Overloaded` or `ServerUnavailable`. Requests change nothing on the server, so each may be sent again.

    Args:
        url: `host:port` or `grpc://host:port` for gRPC, `http://host:port` for HTTP; `grpcs`, `https` for TLS.
        timeout: Seconds that one request may take, its retries included, unless a call says otherwise.
        retry: How often and after which waits to try again.
        in_flight: Requests under way at once when there are many texts.
        headers: Sent with every request, for a proxy or for Triton's restricted protocols.
    """

    def __init__(
        self,
        url: str = "localhost:8001",
        *,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable
        in_flight: int = 4,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        transport = connect(url, headers=headers, asynchronous=False)
        world = Blocking(in_flight)
        self._talk = Conversation(transport, world, retry=retry, timeout=timeout, in_flight=in_flight)

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
        run(self._talk.wait_until_ready(name, timeout))

    def models(self, *, everything: bool = False) -> list[ServedModel]:
        """The models that can be asked, and those that should be but are not ready.

        Args:
            everything: Also the steps of ensembles, and models that are not Tritext's.
        """
        return run(self._talk.models(everything=everything))

    def model(self, name: str, *, version: str | int = "") -> ServedModel:
        """One model, which may be a step; its inputs and outputs are those of `version`."""
        return run(self._talk.model(name, version))

    def labels(self, name: str, *, version: str | int = "") -> tuple[str, ...]:
        """The names of a model's labels in the order of `probabilities`; the model answers one text for it."""
        return run(label_names(self._talk, name, version))

    @overload
    def classify(  # type: ignore[overload-overlap] # a str is an iterable of str, too
        self, name: str, texts: str, *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[Label]: ...

    @overload
    def classify(
        self, name: str, texts: Iterable[str], *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> list[list[Label]]: ...

    @overload
    def classify(
        self, name: str, texts: Iterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[list[Label] | InvalidText]: ...

    def classify(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """The labels of one text, or of many.

        Args:
            name: The model.
            texts: One text, or an iterable of texts. Many travel in requests of at most the model's
                `max_batch_size` rows, `in_flight` of them at once.
            errors: "raise" ends the call with the `InvalidText` of the first bad text, "return" puts it into
                the place of that text's answer and goes on.
            **options: `top_k` (labels for each text, best first; "all" or None for every one; default 1),
                `function_to_apply` ("softmax", "sigmoid", "none"), `truncation` ("truncate", or "error" to
                refuse texts that are too long), `version`, `timeout` (seconds for each request), `batch_size`.

        Returns:
            For one text its `Label`s, best first; for many a list of such lists, in the order of the texts.
        """
        question, delivery = plan(name, errors, options)
        return run(self._talk.answer(question, texts, delivery))

    @overload
    def stream(
        self, name: str, texts: Iterable[str], *, errors: Literal["raise"] = ..., **options: "Unpack[Options]"
    ) -> Iterator[list[Label]]: ...

    @overload
    def stream(
        self, name: str, texts: Iterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> Iterator[list[Label] | InvalidText]: ...

    def stream(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Iterator[Any]:
        """As `classify` for texts without end: answers come as they are there, in the order of the texts.

        No more than `in_flight` requests' worth of texts and answers is held at any time. Leaving the loop
        stops the rest.
        """
        question, delivery = plan(name, errors, options)
        return unrolled(self._talk.stream(question, texts, delivery))

    def probabilities(
        self,
        name: str,
        texts: str | Iterable[str],
        *,
        truncation: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """The probabilities of all labels, in the order of `labels`.

        Returns:
            FP32 [texts, labels]; for one text FP32 [labels].
        """
        question = probabilities_question(name, truncation=truncation, version=version)
        return run(self._talk.table(question, texts, Delivery(timeout=timeout)))

    def token_counts(
        self, name: str, texts: str | Iterable[str], *, version: str | int = "", timeout: float | None = None
    ) -> npt.NDArray[np.int32]:
        """How long texts are in tokens, special tokens included, before truncation; the network does not run.

        Returns:
            INT32 [texts]; for one text INT32 [1].
        """
        question = token_counts_question(name, version=version)
        return run(self._talk.table(question, texts, Delivery(timeout=timeout))).reshape(-1)
