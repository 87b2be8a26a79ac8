"""Connections to browsers by WebRTC: the preview of the run, and the browser's own camera there and back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.context import Context
from background_subtraction.web.viewing.browser_camera import BrowserCamera
from background_subtraction.web.viewing.channel import NAME, SettingsChannel
from background_subtraction.web.viewing.preview import Preview
from background_subtraction.web.viewing.tracks import RunTrack
from background_subtraction.web.viewing.watching import Viewers

MOST_CAMERAS = 4
"""Each has a network of its own that computes."""
CONNECTING_S = 30.0
OVER = ("failed", "closed")

log = logging.getLogger(__name__)
for library in ("aioice", "aiortc"):  # they tell of each packet's way
    logging.getLogger(library).setLevel(logging.WARNING)


class Peers:
    """All connections of a server. Everything is called in its loop."""

    def __init__(self, context: Context, viewers: Viewers, shown: Preview | None) -> None:
        """Begin with none.

        Args:
            context: what all routes share.
            viewers: counts all who watch the run.
            shown: what the run shows. None: there is none.
        """
        self._context = context
        self._shown = shown
        self._viewers = viewers
        self._cameras = Viewers(MOST_CAMERAS)
        self._open: set[Peer] = set()
        self._sources = {"preview": self._preview, "camera": self._camera}

    async def answer(self, sdp: str, source: str) -> dict[str, str]:
        """Connect to a browser.

        Args:
            sdp: its offer.
            source: "preview" for the run, "camera" for its own camera and back.

        Returns:
            The answer's "sdp" and "type".

        Raises:
            RequestError: too many are connected, there is no run, or this is no offer of video.
        """
        peer = Peer(self._open.discard)
        self._open.add(peer)
        try:
            await self._sources[source](peer)
            return await peer.answer(sdp)
        except BaseException:
            await peer.close()
            raise

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(peer.close() for peer in list(self._open)))

    async def _preview(self, peer: Peer) -> None:
        self._context.require_session()
        assert self._shown is not None
        self._viewers.enter()
        peer.at_end.callback(self._viewers.leave)
        peer.send(RunTrack(self._shown.planes))

    async def _camera(self, peer: Peer) -> None:
        self._cameras.enter()
        peer.at_end.callback(self._cameras.leave)
        camera = await asyncio.to_thread(BrowserCamera, self._context.device)
        peer.at_end.push_async_callback(asyncio.to_thread, camera.close)
        peer.connection.on("track", partial(self._take, peer, camera))
        peer.connection.on("datachannel", partial(self._talk, peer, camera))
        peer.send(RunTrack(Preview(camera.session).planes))

    def _take(self, peer: Peer, camera: BrowserCamera, track: Any) -> None:
        if track.kind == "video":
            task = asyncio.create_task(_feed(track, camera))
            peer.at_end.callback(task.cancel)

    def _talk(self, peer: Peer, camera: BrowserCamera, channel: Any) -> None:
        if channel.label == NAME:
            peer.at_end.callback(SettingsChannel(channel, self._context, camera).close)


class Peer:
    """One connection.

    Attributes:
        connection: aiortc's.
        at_end: what is to be called when it is over.
    """

    def __init__(self, over: Any) -> None:
        """over: called with this object, when it is closed."""
        # Without servers that tell addresses: nothing is asked of others. Both ends are in one network.
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.at_end = AsyncExitStack()
        self._over = over
        self._closing: asyncio.Task[None] | None = None
        self._watch = asyncio.create_task(self._watch_start())
        self.connection.on("connectionstatechange", self._changed)

    def send(self, track: RunTrack) -> None:
        """Send a track."""
        self.connection.addTrack(track)
        self.at_end.push_async_callback(track.close)

    async def answer(self, sdp: str) -> dict[str, str]:
        """Take an offer. Raises RequestError if it is none."""
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        except Exception as error:  # a text that others wrote: aiortc raises whatever it stumbles over
            log.info("An offer of WebRTC was refused: %s: %s", type(error).__name__, error)
            raise RequestError(422, "This offer of WebRTC cannot be answered. Expected one of video", "sdp") from error
        return {"sdp": self.connection.localDescription.sdp, "type": self.connection.localDescription.type}

    async def close(self) -> None:
        """End the connection, and all that it needs. May be called several times."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._watch.cancel()
        self._over(self)
        try:
            await self.connection.close()
        finally:
            await self.at_end.aclose()

    async def _changed(self) -> None:
        if self.connection.connectionState in OVER:
            await self.close()

    async def _watch_start(self) -> None:
        await asyncio.sleep(CONNECTING_S)
        if self.connection.connectionState != "connected":
            await self.close()


async def _feed(track: Any, camera: BrowserCamera) -> None:
    with suppress(MediaStreamError):  # the track has ended
        while True:
            camera.put(await track.recv())
