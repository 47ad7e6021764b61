/**
 * The object store behind a network that loses the first answer to each upload into the table of gold: the object is
 * there, and nobody says so. A TCP proxy, so that signatures hold.
 */
import { connect, createServer } from "node:net";

const upload = /PUT (\/warehouse\/gold\/\S+) HTTP/;
const lostOnce = new Set<string>();

createServer((client) => {
  const store = connect(9000, "store");
  let losesAnswer = false;
  client.on("data", (chunk) => {
    const path = upload.exec(chunk.toString("latin1"))?.[1];
    if (path !== undefined && !lostOnce.has(path)) {
      lostOnce.add(path);
      losesAnswer = true;
    }
    store.write(chunk);
  });
  store.on("data", (chunk) => {
    // `100 Continue` comes before the object is sent.
    if (losesAnswer && chunk.toString("latin1").includes("HTTP/1.1 200")) client.resetAndDestroy();
    else client.write(chunk);
  });
  client.on("close", () => store.end());
  store.on("close", () => client.end());
  // The other side is told by `close`.
  for (const socket of [client, store]) socket.on("error", () => undefined);
}).listen(9000);
