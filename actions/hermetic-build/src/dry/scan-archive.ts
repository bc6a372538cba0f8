import { object, optional, parseJson, record, string } from '@paved/json';
import { walkArchive } from '../build/archive.js';
import { walkZip } from '../kinds/zip.js';

/** What an archive holds that a build without network, or a reviewer, trips over. */
export interface ArchiveTraits {
  /** npm's install scripts, by name. */
  readonly scripts: ReadonlyMap<string, string>;
  /** Compiled code. */
  readonly binaries: readonly string[];
  /** Code that runs when the package is built. */
  readonly buildCode: readonly string[];
}

export const NO_TRAITS: ArchiveTraits = { scripts: new Map(), binaries: [], buildCode: [] };

const MAX_NAMED = 20;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
const BINARY = /(?:\.(?:node|so|dylib|dll|exe|a|lib|syso|wasm|jar|class)|\.so\.[\d.]+)$/i;
/** A jar is compiled by definition; what is not for Java in it is not. */
const NATIVE = /(?:\.(?:so|dylib|jnilib|dll|exe)|\.so\.[\d.]+)$/i;
const BUILD_CODE = /^(?:binding\.gyp|build\.rs|setup\.py)$/;
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];
const manifest = object({ scripts: optional(record(string)) });

/** Reads names, and package.json of npm packages; nothing is unpacked or run. */
export async function scanArchive(
  label: string,
  path: string,
  format: 'tar' | 'zip',
  ecosystem: string,
): Promise<ArchiveTraits> {
  const scripts = new Map<string, string>();
  const binaries: string[] = [];
  const buildCode: string[] = [];
  const look = (name: string) => {
    if ((ecosystem === 'Maven' ? NATIVE : BINARY).test(name) && binaries.length < MAX_NAMED) binaries.push(name);
    const isBuildCode =
      BUILD_CODE.test(name) || (ecosystem === 'PyPI' && format === 'tar' && name === 'pyproject.toml');
    if (isBuildCode && ecosystem !== 'Maven') buildCode.push(name);
  };
  if (format === 'zip') {
    await walkZip(label, path, async (name, content) => {
      content.resume();
      look(name);
    });
    return { scripts, binaries, buildCode };
  }
  await walkArchive(label, path, async (file, content) => {
    look(file.path);
    if (file.executable && !BINARY.test(file.path) && (await startsAsProgram(content))) binaries.push(file.path);
    if (file.path !== 'package.json') return;
    for (const [name, text] of installScripts(await textOf(content))) scripts.set(name, text);
  });
  return { scripts, binaries, buildCode };
}

/** ELF, Mach-O of both orders and of several processors, and PE: programs have no ending of their own. */
const PROGRAM = /^(?:7f454c46|feedfac[ef]|c[ef]faedfe|cafebabe|4d5a)/;

async function startsAsProgram(content: AsyncIterable<Buffer>): Promise<boolean> {
  let start: Buffer | undefined;
  // All of it is read, because a stream that is left early breaks the archive off.
  for await (const chunk of content) start ??= chunk;
  return start !== undefined && PROGRAM.test(start.subarray(0, 4).toString('hex'));
}

async function textOf(content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size <= MAX_TEXT_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function installScripts(text: string): readonly (readonly [string, string])[] {
  try {
    const { scripts = {} } = parseJson('package.json', text.replace(/^\u{feff}/u, ''), manifest);
    return Object.entries(scripts).filter(([name]) => INSTALL_SCRIPTS.includes(name));
  } catch {
    // Crates and source archives may carry one of any form.
    return [];
  }
}
