import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HttpClient, HttpError } from '@paved/http';
import { integer, object, oneOf, parseJson, record, string, unknown } from '@paved/json';
import { EvidenceError } from './error.js';
import { listFiles } from './list-files.js';

/** The server's own API; the token goes nowhere else. */
export interface GitHubAddress {
  readonly apiUrl: string;
  readonly repository: string;
  readonly token: string;
}

const stored = object({ id: oneOf<string | number>(string, integer) });
const BUNDLE = /^attestations\/.+\.json$/;
/** Beside every file of a pack, about the file itself. */
const SIGNATURE = /\.sigstore\.json$/;

/**
 * Puts every bundle of the pack into the repository's attestation store, where `gh attestation verify` looks, and returns their ids.
 * The bundles are those that were signed here: @actions/attest writes only what it has signed itself.
 * @throws {EvidenceError} `GITHUB_STORE_EMPTY`, `GITHUB_STORE_REFUSED`
 */
export async function storeAttestations(
  http: HttpClient,
  address: GitHubAddress,
  packPath: string,
): Promise<readonly string[]> {
  const files = (await listFiles(packPath)).filter(({ name }) => BUNDLE.test(name) && !SIGNATURE.test(name));
  if (files.length === 0) {
    throw new EvidenceError('GITHUB_STORE_EMPTY', "Cannot fill GitHub's store: the pack has no attestations", {
      hint: 'Sign with statements, or choose a store of files',
    });
  }
  const ids: string[] = [];
  for (const { name } of files) ids.push(await storeBundle(http, address, join(packPath, name)));
  return ids;
}

async function storeBundle(
  http: HttpClient,
  { apiUrl, repository, token }: GitHubAddress,
  path: string,
): Promise<string> {
  const bundle = parseJson('a bundle of the pack', await readFile(path, 'utf8'), record(unknown));
  try {
    const answer = await http.request({
      method: 'POST',
      url: `${apiUrl}/repos/${repository}/attestations`,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/vnd.github+json',
        'content-type': 'application/json',
        'x-github-api-version': '2022-11-28',
      },
      body: JSON.stringify({ bundle }),
    });
    return String((await answer.json(stored)).id);
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    throw new EvidenceError('GITHUB_STORE_REFUSED', `Cannot store an attestation of "${repository}"`, {
      cause,
      hint: 'Grant attestations: write; user-owned private repositories have no store',
    });
  }
}
