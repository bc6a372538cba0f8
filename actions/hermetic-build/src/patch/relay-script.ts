/** The one port in the network of the daemon that patches. */
export const RELAY_PORT = 8481;

/**
 * Leads every connection in that network to the socket of our proxy, which alone decides who is reached. A socket in the file system
 * is no part of any network, so the namespace keeps nothing but loopback.
 */
export const RELAY_SCRIPT = `'use strict';
const { connect, createServer } = require('node:net');
createServer((inside) => {
  const outside = connect(process.argv[2]);
  const end = () => { inside.destroy(); outside.destroy(); };
  inside.on('error', end);
  outside.on('error', end);
  inside.pipe(outside).pipe(inside);
}).listen(${RELAY_PORT}, '127.0.0.1');
`;
