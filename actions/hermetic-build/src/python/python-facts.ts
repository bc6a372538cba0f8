import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { integer, nullable, object, parseJson, record, string } from '@paved/json';
import { baseEnvironment, exec } from '@paved/runner-kit/exec';
import { HermeticBuildError } from '../error.js';
import { secureAddress } from '../kinds/registries.js';

/** What the Python of this user says of itself. */
export interface PythonFacts {
  readonly prefix: string;
  readonly minor: number;
  readonly machine: string;
  /** `2.36`; `null` where the C library is not glibc. */
  readonly glibc: string | null;
  /** Values of environment markers (PEP 508). */
  readonly markers: Readonly<Record<string, string>>;
}

const facts = object({
  prefix: string,
  minor: integer,
  machine: string,
  glibc: nullable(string),
  markers: record(string),
});

const FACTS_SCRIPT = `
import json, os, platform, sys
def glibc():
    try:
        return os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    except Exception:
        return None
v = sys.implementation.version
print(json.dumps({
    "prefix": sys.base_prefix, "minor": sys.version_info[1], "machine": platform.machine(), "glibc": glibc(),
    "markers": {
        "os_name": os.name, "sys_platform": sys.platform, "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(), "platform_release": platform.release(),
        "platform_system": platform.system(), "platform_version": platform.version(),
        "python_version": "%d.%d" % sys.version_info[:2], "python_full_version": platform.python_version(),
        "implementation_name": sys.implementation.name,
        "implementation_version": "%d.%d.%d" % (v.major, v.minor, v.micro), "extra": "",
    },
}))
`;

const INDEX_SCRIPT = `
from pip._internal.configuration import Configuration
from pip._internal.models.index import PyPI
c = Configuration(isolated=False)
c.load()
print(dict(c.items()).get("global.index-url", PyPI.simple_url))
`;

/** Asks in an empty folder and in isolated mode: no module, .python-version or pip.conf of the repository is there to be read. */
async function askPython(workDir: string, script: string): Promise<string> {
  const cwd = await mkdtemp(join(workDir, 'python-'));
  const args = ['-I', '-c', script];
  const answer = await exec({ command: 'python3', args, cwd, env: baseEnvironment() }).catch((cause: unknown) => {
    throw missing('it could not be started', cause);
  });
  if (answer.exitStatus !== 0) throw missing(`it ended with ${answer.exitStatus}`);
  return answer.stdout.trim();
}

/** @throws {HermeticBuildError} `TOOLCHAIN_MISSING` */
export async function askForFacts(workDir: string): Promise<PythonFacts> {
  return parseJson('the answer of python3', await askPython(workDir, FACTS_SCRIPT), facts);
}

/**
 * The index that pip itself would use for this user.
 * @throws {HermeticBuildError} `TOOLCHAIN_MISSING`, `REGISTRY_UNKNOWN`
 */
export async function askPipForIndex(workDir: string): Promise<URL> {
  return secureAddress('pypi', (await askPython(workDir, INDEX_SCRIPT)).split(/\s+/)[0] ?? '');
}

function missing(state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('TOOLCHAIN_MISSING', `Cannot ask python3: ${state}`, {
    cause,
    hint: 'Install Python with pip in an earlier step (actions/setup-python)',
  });
}
