import { buildStatement, encodeStatement, PREDICATE_TYPES, type PredicateSlot } from '@paved/attestation';
import { digestHex, sha256 } from '@paved/digest';

export const ARTIFACT_TEXT = 'the released file';
export const ARTIFACT_DIGEST = sha256(ARTIFACT_TEXT);
export const IMAGE = { 'image-name': 'registry.example/octo/app', 'image-digest': sha256('the manifest') };

export const ARTIFACT_FILE = { 'temp/paved/handoff/artifact/app.tar': ARTIFACT_TEXT };
export const SUBJECTS = { 'subjects-path': 'TEMP/paved/handoff/artifact' };

/** The text of a statement as one of our actions writes it. */
export function statementOf(slot: PredicateSlot, digest: string = ARTIFACT_DIGEST): string {
  const subjects = [{ name: 'app.tar', digest: { sha256: digest.slice('sha256:'.length) } }];
  return encodeStatement(
    buildStatement({ predicateType: PREDICATE_TYPES[slot], subjects, predicate: { made: slot } }),
  ).toString('utf8');
}

export const CYCLONEDX = JSON.stringify({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    component: { type: 'application', name: 'app', hashes: [{ alg: 'SHA-256', content: digestHex(ARTIFACT_DIGEST) }] },
  },
  components: [],
});

export const SPDX = JSON.stringify({
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: 'app',
  documentNamespace: 'https://example.com/app',
  creationInfo: { created: '2026-01-01T00:00:00Z', creators: ['Tool: test'] },
  packages: [{ SPDXID: 'SPDXRef-app', name: 'app', downloadLocation: 'NOASSERTION' }],
  relationships: [
    { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-app' },
  ],
});
