/* A proxy between a page and a collector that may keep event streams back, as some do until an answer has ended. */
import { createServer, request } from 'node:http';
import { once } from 'node:events';

/** `proxy.keepsBack` can be changed at any time; `proxy.asked` has the paths of all requests. */
export async function startProxy(port, keepsBack) {
  const sockets = new Set();
  const proxy = { keepsBack, asked: [] };
  const server = createServer((asked, answer) => {
    proxy.asked.push(asked.url);
    const onward = request(
      { port, host: '127.0.0.1', path: asked.url, headers: asked.headers },
      (answered) => {
        const isStream = answered.headers['content-type'] === 'text/event-stream';
        if (isStream && proxy.keepsBack) {
          answered.resume(); /* nothing of it gets through, its beginning neither */
          return;
        }
        answer.writeHead(answered.statusCode, answered.headers);
        answered.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    onward.end();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${server.address().port}/`;
  proxy.close = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  return proxy;
}
