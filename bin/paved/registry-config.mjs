import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './usage-error.mjs';

const HELPER_TIMEOUT_MS = 30_000;
const HELPER_NAME = /^[A-Za-z0-9._-]+$/;
/** docker's own key for Docker Hub, which its credential programs are asked for. */
const DOCKER_HUB = 'https://index.docker.io/v1/';
/** Inputs that begin with the host of a registry. */
const NAMES_WITH_HOST = ['registry', 'image', 'targets', 'from'];

/**
 * Writes the user's own registry sign-ins for one run of an action, where it takes `registry-config` and none was given: the entries of
 * docker's or podman's file, and what the credential programs named there print for exactly the hosts of this run. Actions never start
 * such programs; a shell of the user's may. Returns the path of the file (mode 0600), or undefined where there is nothing to sign in with.
 */
export function writeRegistryConfig(action, values, folder, environment = process.env) {
  if (!action.inputs.some(({ name }) => name === 'registry-config') || values.has('registry-config')) return undefined;
  const source = configPaths(environment).find((path) => existsSync(path));
  if (source === undefined) return undefined;
  const config = readConfig(source);
  const auths = { ...config.auths };
  for (const host of hostsOf(values)) {
    const entry = askHelper(config, host, environment);
    if (entry !== undefined) auths[host] = entry;
  }
  const path = join(folder, 'registry-config.json');
  writeFileSync(path, JSON.stringify({ auths }), { mode: 0o600, flag: 'wx' });
  return path;
}

/** In the order in which podman and docker look (containers-auth.json(5), docker's DOCKER_CONFIG). */
function configPaths(environment) {
  const { REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR } = environment;
  return [
    REGISTRY_AUTH_FILE,
    DOCKER_CONFIG && join(DOCKER_CONFIG, 'config.json'),
    XDG_RUNTIME_DIR && join(XDG_RUNTIME_DIR, 'containers/auth.json'),
    join(environment.HOME || homedir(), '.docker/config.json'),
  ].filter(Boolean);
}

function readConfig(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // The parser's message would quote the text around the mistake, and that text is a secret.
    throw new UsageError(
      'REGISTRY_CONFIG_INVALID',
      `Cannot read "${path}": it is not JSON`,
      'Correct the file, or name another with --registry-config',
    );
  }
}

function hostsOf(values) {
  const hosts = new Set();
  for (const name of NAMES_WITH_HOST) {
    for (const text of values.get(name) ?? []) {
      for (const line of text.split('\n')) {
        const [host] = line.trim().split('/');
        if (/^[A-Za-z0-9.-]+(:\d+)?$/.test(host) && (/[.:]/.test(host) || host === 'localhost')) hosts.add(host);
      }
    }
  }
  return hosts;
}

/** The protocol of docker's credential programs: `get`, the host on standard input, JSON on standard output. */
function askHelper(config, host, environment) {
  const key = host === 'docker.io' ? DOCKER_HUB : host;
  const name = config.credHelpers?.[key] ?? config.credHelpers?.[host] ?? config.credsStore;
  if (name === undefined || name === '') return undefined;
  const program = `docker-credential-${name}`;
  if (!HELPER_NAME.test(name)) throw failed(host, 'its name is not one of a program');
  const { status, stdout, error } = spawnSync(program, ['get'], {
    input: key,
    env: environment,
    timeout: HELPER_TIMEOUT_MS,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (error !== undefined) throw failed(host, `${program} cannot be started`);
  // A program that does not know the host says so and ends with 1: the registry may be open to everybody.
  if (status !== 0) return undefined;
  return entryOf(host, program, stdout);
}

function entryOf(host, program, stdout) {
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    throw failed(host, `${program} printed no JSON`);
  }
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw failed(host, `${program} gave no user and secret`);
  if (username === '<token>') return { identitytoken: secret };
  return { auth: Buffer.from(`${username}:${secret}`).toString('base64') };
}

function failed(host, state) {
  return new UsageError(
    'CREDENTIAL_PROGRAM_FAILED',
    `Cannot sign in to ${host} with the credential program of your docker configuration: ${state}`,
    'Install the program, sign in again, or name a file with --registry-config',
  );
}
