/**
 * What the canary runs, by the Node that runs this action, inside the sandbox and (as control) outside of it. It reads its targets
 * from the file in its first argument and writes one `{ name, reached, detail }` per target to the file in its second.
 * A constant text, because it must be a file of its own that needs nothing of the bundle. "reached" means: the attack worked.
 */
export const PROBE_SCRIPT = `'use strict';
const { readFileSync, readdirSync, writeFileSync, rmSync } = require('node:fs');
const { connect } = require('node:net');
const { createSocket } = require('node:dgram');
const { lookup } = require('node:dns/promises');
const WAIT_MS = 2000;
const reason = (error) => String(error.code || error.message);

function stream(options) {
  return new Promise((resolve) => {
    const socket = connect(options);
    const end = (reached, detail) => { socket.destroy(); resolve({ reached, detail }); };
    socket.setTimeout(WAIT_MS, () => end(false, 'no answer'));
    socket.on('connect', () => end(true, 'connected'));
    socket.on('error', (error) => end(false, reason(error)));
  });
}

function datagram({ host, port, payload }) {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end(false, 'no answer'), WAIT_MS);
    let open = true;
    const end = (reached, detail) => {
      clearTimeout(timer);
      if (open) socket.close();
      open = false;
      resolve({ reached, detail });
    };
    socket.on('error', (error) => end(false, reason(error)));
    socket.on('message', () => end(true, 'answered'));
    // Connected, so that a refusal of the host is an error at once.
    socket.connect(port, host, (error) => {
      if (error) end(false, reason(error));
      else socket.send(Buffer.from(payload, 'hex'), (failed) => { if (failed) end(false, reason(failed)); });
    });
  });
}

async function name({ host }) {
  const late = new Promise((_, reject) => setTimeout(reject, WAIT_MS, new Error('no answer')).unref());
  const { address } = await Promise.race([lookup(host), late]);
  return { reached: true, detail: 'resolved to ' + address };
}

function readable({ path }) {
  try { readFileSync(path); return { reached: true, detail: 'read' }; }
  catch (error) {
    if (error.code !== 'EISDIR') throw error;
    return { reached: true, detail: readdirSync(path).length + ' entries listed' };
  }
}

function writable({ path }) {
  writeFileSync(path, '');
  rmSync(path, { force: true });
  return { reached: true, detail: 'written' };
}

function processes({ marker }) {
  const ids = readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry));
  for (const id of ids) {
    for (const file of ['environ', 'cmdline']) {
      try {
        if (readFileSync('/proc/' + id + '/' + file, 'latin1').includes(marker)) {
          return { reached: true, detail: 'found in ' + file + ' of a process of the host' };
        }
      } catch {}
    }
  }
  return { reached: false, detail: ids.length + ' processes visible, none of the host' };
}

function interfaces() {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\\n').slice(2);
  const names = lines.map((line) => line.split(':')[0].trim()).filter((entry) => entry !== '');
  const other = names.filter((entry) => entry !== 'lo');
  return { reached: other.length > 0, detail: 'interfaces: ' + names.join(' ') };
}

function status() {
  const lines = readFileSync('/proc/self/status', 'utf8').split('\\n').map((line) => line.split(':'));
  return Object.fromEntries(lines.map(([key, value]) => [key, (value || '').trim()]));
}

function privileges() {
  const { NoNewPrivs, ...rest } = status();
  const held = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].filter((key) => !/^0+$/.test(rest[key] || ''));
  const reached = NoNewPrivs !== '1' || held.length > 0;
  return { reached, detail: 'NoNewPrivs ' + NoNewPrivs + ', capability sets not empty: ' + (held.join(' ') || 'none') };
}

function identity({ uid }) {
  const groups = process.getgroups().filter((group) => group !== process.getgid());
  const own = process.getuid();
  const map = readFileSync('/proc/self/uid_map', 'utf8').trim().replace(/ +/g, ' ');
  return { reached: own === uid || own === 0, detail: 'uid ' + own + ' (map ' + map + '), ' + groups.length + ' further groups' };
}

function environment({ allowed }) {
  const foreign = Object.keys(process.env).filter((key) => !allowed.includes(key));
  return { reached: foreign.length > 0, detail: foreign.length === 0 ? 'only allow-listed names' : foreign.length + ' other names' };
}

const KINDS = {
  tcp: ({ host, port }) => stream({ host, port }),
  unix: ({ path }) => stream({ path }),
  abstract: ({ path }) => stream({ path: '\\0' + path }),
  udp: datagram, name, readable, writable, processes, interfaces, privileges, identity, environment,
};

async function main() {
  const targets = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  const results = await Promise.all(targets.map(async (target) => {
    try { return { name: target.name, ...(await KINDS[target.kind](target)) }; }
    catch (error) { return { name: target.name, reached: false, detail: reason(error) }; }
  }));
  writeFileSync(process.argv[3], JSON.stringify(results));
  process.exit(0);
}
main();
`;
