/**
 * What process 1 of the daemon's namespaces runs, as root of the machine: a network with nothing in it but loopback, then the daemon.
 * All data are positional parameters (buildkitd, its configuration, its state folder, `serve` or `idle`, node, the file server, the
 * folder it serves); the text is constant. Standard input is the leash: when the action closes it, or dies, everything in here is
 * killed and the daemon's state removed.
 */
export const DAEMON_SCRIPT = `set -eu
umask 022
daemon=$1 config=$2 state=$3 files=$4 node=$5 server=$6 folder=$7
exec 3<&0
mount --make-rprivate /
mount -t proc -o nosuid,nodev,noexec proc /proc
ip link set lo up
trap 'rm -rf -- "$state"' EXIT
set +e
{ read -r _; kill -s KILL -- -1; } <&3 >/dev/null 2>&1 &
if [ "$files" = serve ]; then "$node" "$server" "$folder" </dev/null 3<&- & fi
"$daemon" --config "$config" </dev/null 3<&-
`;

/** Port of the file server, in a network that nobody else is in. */
export const FILE_SERVER_PORT = 8480;

/**
 * Serves the fetched files of \`ADD\` to the daemon, in the daemon's own network. A RUN step has another network and cannot ask it.
 * One time for every file, so that no clock enters; BuildKit compares the checksum of the Dockerfile itself.
 */
export const FILE_SERVER_SCRIPT = `'use strict';
const { createServer } = require('node:http');
const { createReadStream } = require('node:fs');
const { join } = require('node:path');
createServer((request, response) => {
  const name = /^\\/([0-9a-f]{64})$/.exec(request.url);
  if (name === null) { response.writeHead(404).end(); return; }
  const file = createReadStream(join(process.argv[2], name[1]));
  file.on('error', () => { if (!response.headersSent) response.writeHead(404); response.end(); });
  file.on('open', () => {
    response.writeHead(200, { 'last-modified': new Date(0).toUTCString(), etag: '"' + name[1] + '"' });
    if (request.method === 'HEAD') { file.destroy(); response.end(); } else file.pipe(response);
  });
}).listen(${FILE_SERVER_PORT}, '127.0.0.1');
`;
