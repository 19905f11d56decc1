"""Certificates and keys, as PEM files."""

import logging
import os
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from waypost_server.core.certificate import Certificate, validity_of
from waypost_server.core.errors import SettingsError

CERT, KEY, CLIENT_CA = "WAYPOST_TLS_CERT", "WAYPOST_TLS_KEY", "WAYPOST_TLS_CLIENT_CA"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where they are; `client_ca` is None where clients need no certificate."""

    certificate: Path
    key: Path
    client_ca: Path | None

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Certificate, key and client CA; raises SettingsError, which shows nothing of them."""
        ca = _read(CLIENT_CA, self.client_ca) if self.client_ca else b""
        return _read(CERT, self.certificate), _read(KEY, self.key), ca

    def check(self, read: tuple[bytes, bytes, bytes]) -> Certificate:
        """What was read, checked.

        Raises:
            SettingsError: the key is not the certificate's, one of them is damaged, or the
                certificate does not hold now.
        """
        chain, key, client_ca = read
        try:
            not_before, not_after = validity_of(chain)
        except ValueError as error:
            raise SettingsError(f"{CERT} is '{self.certificate}': {error}") from None
        self._check_with_openssl()
        if self.read() != read:
            raise SettingsError(f"the files of {CERT} and {KEY} changed while they were read")
        self._check_time(not_before, not_after)
        return Certificate(
            chain=chain,
            key=key,
            client_ca=client_ca,
            not_before=not_before,
            not_after=not_after,
        )

    def warn_if_others_may_read(self) -> None:
        """Tells the log when anybody on this machine may read the key."""
        try:
            mode = self.key.stat().st_mode
        except OSError:
            return
        if mode & stat.S_IROTH:
            _log.warning("%s is '%s', which everybody may read: chmod o-r it", KEY, self.key)

    def _check_with_openssl(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # Without a password it would ask for one, on the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError):  # of which SSLError is one
            raise SettingsError(
                f"{KEY} is '{self.key}': it is damaged, encrypted, or not the key of the "
                f"certificate '{self.certificate}'"
            ) from None
        if self.client_ca:
            try:
                context.load_verify_locations(self.client_ca)
            except OSError:
                raise SettingsError(
                    f"{CLIENT_CA} is '{self.client_ca}': it holds no certificate, or a damaged one"
                ) from None

    def _check_time(self, not_before: datetime, not_after: datetime) -> None:
        now = datetime.now(UTC)
        if not_after <= now:
            raise SettingsError(
                f"{CERT} is '{self.certificate}': it ended on {not_after:%Y-%m-%d %H:%M} UTC, so "
                "that every client would refuse it; renew it"
            )
        if not_before > now:
            raise SettingsError(
                f"{CERT} is '{self.certificate}': it begins to hold on "
                f"{not_before:%Y-%m-%d %H:%M} UTC only; is the clock right?"
            )


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(f"{setting} is '{path}': {reason}") from None
