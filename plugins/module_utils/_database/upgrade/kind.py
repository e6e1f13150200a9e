# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a kind of database server has to be able to do to be upgraded. redis_kind.py is the first of them."""

from __future__ import annotations

import abc
from typing import ClassVar

from .job import UpgradeContext


class Kind(abc.ABC):
    """A kind of server. Each method can be repeated after a kill: it looks at what is there.

    COPIES_AHEAD: whether most of its files are the same before and after the stop, so that they are copied before.
    """

    COPIES_AHEAD: ClassVar[bool] = False

    # --- as long as the old version is up

    @abc.abstractmethod
    def check(self, context: UpgradeContext) -> None:
        """Check that the server is up and still the one of the plan. Start it if it is down."""

    @abc.abstractmethod
    def try_configuration(self, context: UpgradeContext) -> None:
        """Let the new version judge the configuration of the old one."""

    @abc.abstractmethod
    def back_up(self, context: UpgradeContext) -> None:
        """Make a backup of the running server, and check it."""

    @abc.abstractmethod
    def copy_ahead(self, context: UpgradeContext) -> None:
        """Copy the data while clients write, so that what has changed by the stop is all that is left to be copied."""

    # --- from the stop to the proof

    @abc.abstractmethod
    def stop(self, context: UpgradeContext) -> None:
        """Hold the writes, count, and stop the server with all its data on the disk, which is proven.

        What fails leaves it up, and its clients may write.
        """

    @abc.abstractmethod
    def copy(self, context: UpgradeContext) -> None:
        """Copy the data of the stopped server."""

    @abc.abstractmethod
    def start_new(self, context: UpgradeContext) -> None:
        """Start the new version on the data, without letting a client in."""

    @abc.abstractmethod
    def prove(self, context: UpgradeContext) -> None:
        """Prove that the new version has all that was counted."""

    @abc.abstractmethod
    def open(self, context: UpgradeContext) -> None:
        """Let clients in. Before the first can write, the job is marked as opened."""

    @abc.abstractmethod
    def settle(self, context: UpgradeContext) -> None:
        """Prove that clients reach it, have the new version write its files, and remove what nobody needs any more."""

    # --- the rollback

    @abc.abstractmethod
    def stop_new(self, context: UpgradeContext) -> None:
        """Remove the new version's container, and put the old one in its place."""

    @abc.abstractmethod
    def restore_data(self, context: UpgradeContext) -> None:
        """Put the old data and the old configuration in place."""

    @abc.abstractmethod
    def start_old(self, context: UpgradeContext) -> None:
        """Start the old version on the old data, without letting a client in."""

    @abc.abstractmethod
    def prove_old(self, context: UpgradeContext) -> None:
        """Prove that all that was counted is there, and let clients in."""

    @abc.abstractmethod
    def remove_traces(self, context: UpgradeContext) -> None:
        """Remove what the upgrade has made beside a server that is as it was before."""
