"""A provider in a process of its own: an SMTP server whose accept log is the oracle, with faults on demand.

    python -m tests.delivery.fake_smtp LOG [--no-pipelining] [--refuse-sender] [--busy] [--delay SECONDS]
        [--open-after SECONDS] [--quota MESSAGES] [--close-after MESSAGES]

Every accepted message appends its Message-ID and recipient to LOG before "250" is answered. A recipient's address asks
for its own fault: bounce@ is refused for good (550 5.1.1), later@ for now (451), policy@ by policy (550 5.7.1), and
cut@ is accepted but the line is cut before the answer. With --open-after nobody is greeted until that many seconds
have gone by since the first one came. The first line of stdout is the port.
"""

import argparse
import asyncio
import os
import re
import time


class Provider:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.accepted = 0
        self.first_came_at: float | None = None

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.options.busy:
            await asyncio.sleep(self.options.delay)
            writer.write(b"421 4.3.2 too busy\r\n")
            writer.close()
            return
        await self.opening()
        writer.write(b"220 fake ESMTP\r\n")
        recipient, taken = "", 0
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                extra = b"" if self.options.no_pipelining else b"250-PIPELINING\r\n"
                writer.write(b"250-fake\r\n" + extra + b"250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif verb == b"MAIL":
                if taken == self.options.close_after:
                    writer.write(b"421 4.7.0 too many messages on this line\r\n")
                    break
                if not (answer := self.answer_to_sender()).startswith(b"250"):
                    await asyncio.sleep(self.options.delay)
                writer.write(answer)
            elif verb == b"RCPT":
                recipient = line.split(b"<")[1].split(b">")[0].decode()
                writer.write(self.answer_to(recipient))
            elif verb == b"DATA":
                if not self.answer_to(recipient).startswith(b"250"):
                    writer.write(b"554 5.5.1 no valid recipients\r\n")
                    continue
                writer.write(b"354 go ahead\r\n")
                body = await self.body(reader)
                if body is None:
                    break
                if not self.answer_to_sender().startswith(b"250"):
                    writer.write(b"554 5.5.1 no valid sender\r\n")
                    continue
                if self.options.delay:
                    await asyncio.sleep(self.options.delay)
                self.accept(body, recipient)
                taken += 1
                if recipient.startswith("cut@"):
                    writer.transport.abort()
                    return
                writer.write(b"250 2.0.0 queued as %d\r\n" % self.accepted)
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 2.0.0 Ok\r\n")
        writer.close()

    async def opening(self) -> None:
        now = time.monotonic()
        self.first_came_at = self.first_came_at or now
        await asyncio.sleep(max(self.first_came_at + self.options.open_after - now, 0))

    @staticmethod
    async def body(reader: asyncio.StreamReader) -> bytes | None:
        """The lines up to a lone dot, which may come first: a client that has nobody to write to sends just that.

        None if the client is gone before it: no server takes half a message.
        """
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                return None
            lines.append(line)
        return b"".join(lines)

    def answer_to_sender(self) -> bytes:
        if self.options.refuse_sender:
            return b"550 5.7.1 sender blocked\r\n"
        if self.accepted == self.options.quota:
            return b"452 4.3.1 over quota\r\n"
        return b"250 2.1.0 Ok\r\n"

    @staticmethod
    def answer_to(recipient: str) -> bytes:
        if recipient.startswith("bounce@"):
            return b"550 5.1.1 no such user\r\n"
        if recipient.startswith("later@"):
            return b"451 4.7.1 greylisted\r\n"
        if recipient.startswith("policy@"):
            return b"550 5.7.1 blocked by policy\r\n"
        return b"250 2.1.5 Ok\r\n"

    def accept(self, body: bytes, recipient: str) -> None:
        self.accepted += 1
        found = re.search(rb"^Message-ID: <(.+?)>", body, re.M)
        name = found.group(1).decode() if found else "?"
        os.write(self.log, f"{name}\t{recipient}\t{time.time()}\n".encode())
        if self.options.keep:
            with open(f"{self.options.keep}/{self.accepted}.eml", "wb") as mail:
                mail.write(body)


async def main(options: argparse.Namespace) -> None:
    provider = Provider(options)
    server = await asyncio.start_server(provider.session, "127.0.0.1", 0, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--refuse-sender", action="store_true")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--open-after", type=float, default=0)
    parser.add_argument("--quota", type=int)
    parser.add_argument("--close-after", type=int)
    parser.add_argument("--keep", default="")
    asyncio.run(main(parser.parse_args()))
