"""Who gets in, from settings; what files say of it is looked at again while the server runs."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from waypost_server.adapters.tls_files import TlsFiles
from waypost_server.adapters.token_file import read_token_file, tokens_in
from waypost_server.core.certificate import Certificate
from waypost_server.core.errors import SettingsError
from waypost_server.core.tokens import Tokens
from waypost_server.service.address import ADMIN, MAIN, admin_address_of
from waypost_server.service.doors import Doors
from waypost_server.service.exposure import check_exposure
from waypost_server.service.kept import Kept
from waypost_server.service.limits import limit_options
from waypost_server.service.tenancy import Allowance, Tenancy
from waypost_server.service.tls import ServerTls
from waypost_server.settings import Settings

LOOK_SECONDS = 2.0
"""Between two looks at the files. A look at a few kilobytes costs nothing to speak of."""


class Guards:
    """Certificate, tokens and tenants' rates of one server.

    Attributes:
        tls: its TLS; None where there is none.
        doors: for the server.
    """

    def __init__(self, settings: Settings) -> None:
        """Reads the files.

        Raises:
            SettingsError: one is wrong, or the server would be open to strangers.
        """
        self._tenancy = Tenancy(time.monotonic, _allowance(settings))
        self._look_now = asyncio.Event()
        self.tls: ServerTls | None = None
        self._certificates: Kept[tuple[bytes, bytes, bytes], Certificate] | None = None
        self._tokens: Kept[bytes, Tokens] | None = None
        if files := _tls_files(settings):
            self.tls, self._certificates = _tls(files, settings.tls_warn_days)
        if settings.tokens:
            self._tokens = _tokens(settings.tokens)
        if not settings.insecure:
            _check_exposure(settings)
        kept = self._tokens
        self.doors = Doors(
            credentials=self.tls.credentials if self.tls else None,
            tokens=(lambda: kept.content) if kept else None,
            tenancy=self._tenancy,
            options=limit_options(
                max_connections=settings.max_connections,
                max_streams=settings.max_streams,
                max_metadata_bytes=settings.max_metadata_bytes,
            ),
        )

    def allow(self, settings: Settings) -> None:
        """Takes up other rates."""
        self._tenancy.allowance = _allowance(settings)

    async def look(self) -> None:
        """Looks at the files now."""
        if self._certificates:
            await self._certificates.look()
        if self._tokens:
            await self._tokens.look()
        if self.tls:
            self.tls.remind()

    def look_soon(self) -> None:
        """Lets `watch` look now, and not only when it is time."""
        self._look_now.set()

    async def watch(self) -> None:
        """Looks at them again and again, until it is cancelled."""
        while True:
            await self.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), LOOK_SECONDS)
            self._look_now.clear()


def _allowance(settings: Settings) -> Allowance:
    return Allowance(settings.tenant_rate, settings.tenant_burst)


def _tls_files(settings: Settings) -> TlsFiles | None:
    certificate, key, client_ca = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if certificate and key:
        return TlsFiles(certificate, key, client_ca)
    if certificate or key:
        raise SettingsError("set both WAYPOST_TLS_CERT and WAYPOST_TLS_KEY, or neither")
    if client_ca:
        raise SettingsError(
            "WAYPOST_TLS_CLIENT_CA asks for clients' certificates, which takes TLS: set "
            "WAYPOST_TLS_CERT and WAYPOST_TLS_KEY too"
        )
    return None


def _tls(
    files: TlsFiles, warn_days: float
) -> tuple[ServerTls, Kept[tuple[bytes, bytes, bytes], Certificate]]:
    kept = Kept(
        files.read,
        files.check,
        name="certificates",
        taken_up=lambda certificate: tls.replace(certificate),
    )
    files.warn_if_others_may_read()
    tls = ServerTls(kept.content, warn_days=warn_days)
    return tls, kept


def _tokens(path: Path) -> Kept[bytes, Tokens]:
    last = Tokens([])

    def check(content: bytes) -> Tokens:
        nonlocal last
        last = tokens_in(content, path).after(last)
        return last

    return Kept(lambda: read_token_file(path), check, name="tokens")


def _check_exposure(settings: Settings) -> None:
    has_tls, has_tokens = bool(settings.tls_cert), bool(settings.tokens)
    admin_address = admin_address_of(settings.address, settings.admin_address)
    for address, said_by in ((settings.address, MAIN), (admin_address, ADMIN)):
        name = said_by.split()[-1]
        check_exposure(address, name, has_tls=has_tls, has_tokens=has_tokens)
