# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a server seem to be far away: what comes to a port reaches another one later, and so do the answers.

    image_distance.py PORT TARGET MILLISECONDS      milliseconds in each direction

Stand-in for a network. It imitates the time that each part is on its way, and no limit of what is on its way at once;
both servers are real.
"""

from __future__ import annotations

import asyncio
import sys

_PART = 1 << 16


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what is read, each part so many seconds later; the end too."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1024)
    clock = asyncio.get_running_loop().time

    async def write() -> None:
        while True:
            due, part = await waiting.get()
            await asyncio.sleep(max(0.0, due - clock()))
            if not part:
                writer.close()
                return
            writer.write(part)
            await writer.drain()

    writing = asyncio.ensure_future(write())
    try:
        while part := await reader.read(_PART):
            await waiting.put((clock() + delay, part))
    finally:
        await waiting.put((clock() + delay, b""))
        await asyncio.wait([writing])


async def main() -> None:
    port, target, delay = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target)
        both = (pass_on(reader, back, delay), pass_on(there, writer, delay))
        await asyncio.gather(*both, return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
