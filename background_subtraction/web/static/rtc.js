// Connections by WebRTC. No server of others is asked: both ends are in one network.

import { ask } from "./api.js";

const GATHERING_MS = 1500;
const CONNECTING_MS = 10_000;

/** A new one, whose picture `video` shows. */
export function connectionTo(video) {
  const connection = new RTCPeerConnection({ iceServers: [] });
  connection.addEventListener("track", ({ track, receiver }) => {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([track]);
  });
  return connection;
}

/** Send this end's offer, and take the answer. */
export async function connect(connection, source) {
  await connection.setLocalDescription(await connection.createOffer());
  await gathered(connection);
  const { sdp } = connection.localDescription;
  await connection.setRemoteDescription(await ask("POST", "/api/offer", { sdp, type: "offer", source }));
}

function gathered(connection) {
  return new Promise((resolve) => {
    const look = () => connection.iceGatheringState === "complete" && resolve();
    connection.addEventListener("icegatheringstatechange", look);
    setTimeout(resolve, GATHERING_MS);
    look();
  });
}

/** Until the first frame is there, once `connect` is done. Rejects when none comes. */
export function firstFrame(video, connection) {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error("no way between this browser and the server was found"));
    const timer = setTimeout(failed, CONNECTING_MS);
    const shown = () => { clearTimeout(timer); resolve(); };
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return shown();
    video.addEventListener("loadeddata", shown, { once: true });
    connection.addEventListener("connectionstatechange", () => {
      if (["failed", "closed"].includes(connection.connectionState)) failed();
    });
    return undefined;
  });
}
