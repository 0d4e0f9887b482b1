// A reverse proxy as people put one before Pollux: it serves it below a path, and takes that path off.

import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { pipeline } from 'node:stream';

/** `{url, target, close()}`: what is asked for below `prefix` ("/pollux") comes from `target`, which may change; all else is a 404 of the proxy's. */
export async function startPrefixProxy(target, prefix) {
  const proxy = { target };
  const server = createServer((incoming, answer) => {
    if (!incoming.url.startsWith(`${prefix}/`)) {
      answer.writeHead(404).end('the proxy has nothing there');
      return;
    }
    const outgoing = request(proxy.target + incoming.url.slice(prefix.length), { method: incoming.method, headers: incoming.headers }, (reply) => {
      answer.writeHead(reply.statusCode, reply.headers);
      answer.flushHeaders();
      pipeline(reply, answer, () => {});
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    pipeline(incoming, outgoing, () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}
