"""TLS: the certificate that new connections see."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import grpc

from waypost_server.core.certificate import Certificate

REMIND_EVERY = timedelta(days=1)

_log = logging.getLogger(__name__)


class ServerTls:
    """Holds the certificate; connections that there are already keep the one that they have."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        warn_days: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Holds a first one.

        Args:
            certificate: holds now.
            warn_days: how long before its end the log begins to say so.
            now: tells the time.
        """
        self._now = now
        self._warn_before = timedelta(days=warn_days)
        self._needs_clients = bool(certificate.client_ca)
        self._reminded: datetime | None = None
        self._told_of_end = False
        self._take(certificate)

    @property
    def certificate_expires_at(self) -> datetime:
        """When the certificate ends to hold."""
        return self._certificate.not_after

    def credentials(self) -> grpc.ServerCredentials:
        """For a port; gRPC asks with each new connection which certificate it shows."""
        shown = self._configuration

        def newer() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            if shown is self._configuration:
                return None
            shown = self._configuration
            return shown

        return grpc.dynamic_ssl_server_credentials(
            shown,
            newer,  # type: ignore[arg-type]
            require_client_authentication=self._needs_clients,
        )

    def replace(self, certificate: Certificate) -> None:
        """Shows another one from the next connection on."""
        self._take(certificate)
        self._reminded = None
        _log.info("a new certificate is shown; it holds until %s", _day(certificate.not_after))

    def remind(self) -> None:
        """Tells the log, once a day, that the certificate ends soon or has ended."""
        now, ends = self._now(), self.certificate_expires_at
        has_ended = ends <= now
        told_today = self._reminded and now - self._reminded < REMIND_EVERY
        if ends - now > self._warn_before or (told_today and has_ended == self._told_of_end):
            return
        self._told_of_end = has_ended
        self._reminded = now
        if not has_ended:
            days = (ends - now) / timedelta(days=1)
            _log.warning("the certificate ends on %s, in %.1f days", _day(ends), days)
        else:
            _log.error("the certificate ended on %s: callers refuse it; replace it", _day(ends))

    def _take(self, certificate: Certificate) -> None:
        self._certificate = certificate
        self._configuration = grpc.ssl_server_certificate_configuration(
            [(certificate.key, certificate.chain)], certificate.client_ca or None
        )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
