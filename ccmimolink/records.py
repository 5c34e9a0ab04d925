"""Records: what a running proxy writes of its requests beside its log, as the settings want it.

Owns the opening and the end of the request log, and what the start says of it, of the dump and of the
metrics. It must not format a line, nor dump.
"""

from __future__ import annotations

from twisted.logger import Logger

from ccmimolink.activity.recent import Activity
from ccmimolink.dump_directory import DumpDirectory
from ccmimolink.log_file import LogFile
from ccmimolink.request_log import RequestLog
from ccmimolink.settings import Settings, SettingsError


class Records:
    """:raises SettingsError: from the constructor, if something cannot be written where it is wanted."""

    _log = Logger()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = self._opened()
        self._prepare_dump()

    def _opened(self) -> LogFile | None:
        settings = self._settings
        path = settings.request_log
        if path is None:
            return None
        try:
            return LogFile(
                path,
                max_bytes=settings.log_bytes,
                kept=settings.log_files,
                tell=lambda what: self._log.error("{what}", what=what),
            )
        except OSError as error:
            reason = f"{path} cannot be written: {error.strerror}"
            raise SettingsError(f"MIMO_PROXY_REQUEST_LOG: {reason}. Give another file.") from error

    def _prepare_dump(self) -> None:
        directory = self._settings.debug_dump
        if directory is None:
            return
        try:
            DumpDirectory(directory, self._settings.debug_dump_bytes).prepare()
        except OSError as error:
            self.close()
            reason = f"{directory} cannot be used: {error.strerror}"
            raise SettingsError(f"MIMO_DEBUG_DUMP: {reason}. Give a directory of your own.") from error

    def follow(self, activity: Activity) -> None:
        """Write each request that is over from now on."""
        if self._file is not None:
            activity.listen(RequestLog(self._file).add)

    def announce(self, address: str) -> None:
        """Say at the start what there is to read."""
        settings = self._settings
        self._log.info(
            "metrics: {address}/metrics; request log: {request_log}; debug dump: {dump}",
            address=address,
            request_log=str(settings.request_log or "none"),
            dump=str(settings.debug_dump or "none"),
        )
        if settings.debug_dump is not None:
            self._log.warn(
                "MIMO_DEBUG_DUMP is set: whatever you and the model say is written to {dump}, keys masked. "
                "Read it before you give it to anybody, and unset it when you have what you need.",
                dump=str(settings.debug_dump),
            )

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
