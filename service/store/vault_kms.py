"""A key management service (KMS) that holds the root key: it unwraps our keys once, at the start.

The files of the key folder then hold keys wrapped by the KMS, and nothing on this machine opens
them. The request is `POST {url}/decrypt` with `{"ciphertext": base64}` and a bearer token from a
file; the answer is `{"plaintext": base64}`. A KMS of another tongue gets a small relay.
"""

import base64
import binascii
from pathlib import Path
from typing import Final

import httpx

from service.store.vault_keys import VaultKeysMissing

TIMEOUT_S: Final = 10


class HttpKms:
    """Unwraps keys over HTTP; without redirects, and saying nothing of what it was answered."""

    def __init__(self, url: str, token_file: Path | None) -> None:
        """Ask the service at `url`, with the token that the file holds."""
        self._url = f"{url.rstrip('/')}/decrypt"
        self._token_file = token_file

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the key; raises `VaultKeysMissing` when the service does not give it."""
        token = None if self._token_file is None else self._token_file.read_text().strip()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = {"ciphertext": base64.b64encode(wrapped).decode()}
        try:
            answer = httpx.post(
                self._url, json=body, headers=headers, timeout=TIMEOUT_S, follow_redirects=False
            )
            answer.raise_for_status()
            return base64.b64decode(answer.json()["plaintext"], validate=True)
        except (httpx.HTTPError, KeyError, TypeError, ValueError, binascii.Error) as error:
            raise VaultKeysMissing(
                f"the key management service gave no key: {type(error).__name__}"
            ) from None
