import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BUNDLES_MEDIA_TYPE,
  buildStatement,
  encodeStatement,
  PREDICATE_TYPES,
  type PredicateSlot,
} from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type BundleSigner, newThrowAwayKey, openKeySession, openSigningSession } from '@paved/sigstore';
import { type GitHubClaimsOptions, githubClaims, startIssuer, startSigstore } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
const SIGNER = 'c'.repeat(40);
const CLAIMS: GitHubClaimsOptions = { jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`, jobWorkflowSha: SIGNER };

export const ROAD_SLOTS: readonly PredicateSlot[] = ['provenance', 'sbom-cyclonedx', 'sbom-spdx'];

export interface Seal {
  /** Inputs that describe who may have signed. */
  readonly identity: Readonly<Record<string, string>>;
  /** Signs one statement per slot about all `digests` and writes the folder that `sign` would write. */
  bundlesFor(
    folder: string,
    digests: readonly Digest[],
    slots: readonly PredicateSlot[],
    claims?: GitHubClaimsOptions,
    predicate?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /** The same under a key that is thrown away, with the mark of a rehearsal; `publicKey` is the path of its public half. */
  rehearsedBundlesFor(
    folder: string,
    digests: readonly Digest[],
    slots: readonly PredicateSlot[],
  ): Promise<{ readonly folder: string; readonly publicKey: string }>;
  close(): Promise<void>;
}

/** A Sigstore instance on loopback and its signer. */
export async function startSeal(): Promise<Seal> {
  const issuer = await startIssuer();
  const sigstore = await startSigstore({ issuer });
  const http = new HttpClient();
  return {
    identity: {
      'trusted-root': sigstore.trustedRoot,
      issuer: issuer.url,
      'workflow-path': WORKFLOW,
      'signer-digests': SIGNER,
      'repository-id': '900100',
      'owner-id': '800200',
    },
    async bundlesFor(parent, digests, slots, claims = CLAIMS, predicate = {}) {
      const folder = await mkdtemp(join(parent, 'bundles-'));
      const session = await openSigningSession({
        fulcioUrl: sigstore.fulcioUrl,
        rekorUrl: sigstore.rekorUrl,
        tsaUrl: sigstore.tsaUrl,
        transparency: 'required',
        http,
        idToken: () => issuer.sign(githubClaims(claims), { audience: 'sigstore' }),
      });
      await writeSigned(session, folder, { digests, slots, predicate });
      session.close();
      return folder;
    },
    async rehearsedBundlesFor(parent, digests, slots) {
      const folder = await mkdtemp(join(parent, 'bundles-'));
      const session = await openKeySession({ key: newThrowAwayKey(), logs: [], transparency: 'off', http });
      const predicate = { runDetails: { builder: { id: 'https://github.com/org/paved#rehearsal' } } };
      await writeSigned(session, folder, { digests, slots, predicate });
      session.close();
      const publicKey = join(folder, 'key.pub');
      await writeFile(publicKey, session.publicKey);
      return { folder, publicKey };
    },
    async close() {
      http.close();
      await Promise.all([sigstore.close(), issuer.close()]);
    },
  };
}

interface Signed {
  readonly digests: readonly Digest[];
  readonly slots: readonly PredicateSlot[];
  readonly predicate: Readonly<Record<string, unknown>>;
}

async function writeSigned(signer: BundleSigner, folder: string, { digests, slots, predicate }: Signed): Promise<void> {
  const subjects = digests.map((digest, index) => ({
    name: `subject-${index}`,
    digest: { sha256: digestHex(digest) },
  }));
  const bundles = await Promise.all(
    slots.map(async (slot) => {
      const predicateType = PREDICATE_TYPES[slot];
      const statement = buildStatement({ predicateType, subjects, predicate: { slot, ...predicate } });
      const { json } = await signer.signStatement(encodeStatement(statement));
      const path = `${slot}.sigstore.json`;
      await writeFile(join(folder, path), json);
      return { path, content: 'dsse', slot, predicateType, subjects, sha256: sha256(json) };
    }),
  );
  await writeFile(join(folder, 'index.json'), JSON.stringify({ mediaType: BUNDLES_MEDIA_TYPE, bundles }));
}

export interface Job extends TestContext {
  readonly files: string;
  push(texts: Readonly<Record<string, string>>): ReturnType<typeof run>;
}

/** A job with three files in its workspace. */
export async function startJob(): Promise<Job> {
  const test = await testContext({ action: 'push' });
  const files = join(test.workspace, 'out');
  await mkdir(join(files, 'bin'), { recursive: true });
  await writeFile(join(files, 'app.tar'), 'the archive');
  await writeFile(join(files, 'bin/app'), 'the binary');
  await writeFile(join(files, 'bin/tool'), 'the tool');
  return {
    ...test,
    files: `${files}/**`,
    push: async (texts) => run(await test.inputs(definition, texts), test.context),
  };
}
