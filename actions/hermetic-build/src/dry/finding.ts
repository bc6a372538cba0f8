import type { FetchedPackage } from '@paved/bom';
import { PavedError } from '@paved/errors';
import { knownDownload } from './known-downloads.js';
import type { ArchiveTraits } from './scan-archive.js';

/** Why a build without network would fail, or what in it nobody has reviewed; `breaks` tells the two apart. */
export interface DryFinding {
  readonly code: string;
  readonly package?: string;
  readonly breaks: boolean;
  readonly detail: string;
  readonly cure: string;
}

/** Words of scripts that fetch something while they install. */
const DOWNLOADS =
  /\b(?:curl|wget|download|fetch|prebuild-install|node-pre-gyp|electron-download|install-from-cache|napi-postinstall|husky|playwright install|cypress install|https?:\/\/)/i;
const MAX_SCRIPT = 200;

/** Advice is pasted into shells: names of old may have parentheses and quotes. */
function pasted(name: string): string {
  return /^[\w@./:-]+$/.test(name) ? name : '<name>';
}

/** A refusal of the fetch phase; what is not ours to explain is thrown on. */
export function findingOfError(error: unknown): DryFinding {
  if (!(error instanceof PavedError)) throw error;
  const cure = error.hint ?? 'See the message';
  return { code: error.code, breaks: true, detail: error.message, cure };
}

export function findingsOfArchive(
  { purl, name, ecosystem }: FetchedPackage,
  traits: ArchiveTraits,
): readonly DryFinding[] {
  const findings: DryFinding[] = [];
  for (const [script, text] of ecosystem === 'npm' ? traits.scripts : []) {
    const known = knownDownload(ecosystem, name);
    const downloads = known !== undefined || DOWNLOADS.test(text);
    findings.push({
      code: downloads ? 'INSTALL_DOWNLOAD' : 'INSTALL_SCRIPT',
      package: purl,
      breaks: downloads,
      detail: `its ${script} script is ${JSON.stringify(text.slice(0, MAX_SCRIPT))}`,
      cure: downloads
        ? (known ??
          `It would download without network: list the file in artifacts.lock.yaml, or use a version of ${pasted(name)} that brings it as a package`)
        : `Not run: start the command with "npm rebuild ${pasted(name)}" if the build needs it; it then runs in the sandbox`,
    });
  }
  const cure = ecosystem === 'Maven' ? knownDownload(ecosystem, name) : undefined;
  if (cure !== undefined) {
    const detail = 'it resolves or fetches while it runs';
    findings.push({ code: 'PLUGIN_DOWNLOAD', package: purl, breaks: false, detail, cure });
  }
  if (traits.binaries.length > 0) {
    findings.push({
      code: 'PREBUILT_BINARY',
      package: purl,
      breaks: false,
      detail: `it holds compiled code: ${traits.binaries.slice(0, 5).join(', ')}`,
      cure: 'Build it from source in the command, or accept that this code was built by somebody else',
    });
  }
  if (traits.buildCode.length > 0) {
    findings.push({
      code: 'BUILD_CODE',
      package: purl,
      breaks: false,
      detail: `it runs code when it is built: ${traits.buildCode.join(', ')}`,
      cure: 'It runs in the sandbox; what it downloads must be listed in a lock file',
    });
  }
  return findings;
}
