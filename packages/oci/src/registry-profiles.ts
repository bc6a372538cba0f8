import type { Quirk, QuirkTopic, RegistryProfile } from './registry-profile.js';

const MIB = 1024 * 1024;
const TRUSTED = { trustsRange: true };
const IMMUTABLE_TAGS =
  'writes no fallback index when it is told that tags are immutable: a named error before the first byte';
const FALLBACK = 'keeps the fallback index under the tag sha256-<hex>, one PUT per subject, and reads it back';
const LISTING = 'believes it only when the referrer that it pushed is listed';

function quirk(topic: QuirkTopic, registry: string, client: string, source: string): Quirk {
  return { topic, registry, client, source };
}

/** What is known of each registry, as data; the tests hold every row to a double that behaves so. */
export const REGISTRY_PROFILES: readonly RegistryProfile[] = [
  {
    name: 'ghcr',
    title: 'GitHub Container Registry',
    hosts: [/^ghcr\.io$/, /^containers\.[a-z0-9-]+\.ghe\.com$/],
    referrersApi: 'absent',
    missingSubject: 'unknown',
    singlePost: false,
    mount: 'any-blob',
    chunks: { maxBytes: 4 * MIB, trustsRange: true },
    immutableTags: 'never',
    quirks: [
      quirk(
        'referrers-api',
        'answers 404 to the referrers API (May and July 2026)',
        FALLBACK,
        'ghcr-cleanup-action#114; GitHub community discussion 208530',
      ),
      quirk('oci-subject', 'echoes the subject back and lists nothing', LISTING, 'attest-build-provenance#71'),
      quirk(
        'chunks',
        'refuses a ranged request of more than 4 MiB with 416',
        'sends a blob as one PUT without Content-Range; resumes in chunks of at most 4 MiB',
        'ocx#237; rust-oci-client#37',
      ),
    ],
  },
  {
    name: 'docker-hub',
    title: 'Docker Hub',
    hosts: [/^docker\.io$/, /^(?:registry-1|index)\.docker\.io$/],
    referrersApi: 'absent',
    missingSubject: 'refused',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'setting',
    quirks: [
      quirk('referrers-api', 'has no referrers API (July 2026)', FALLBACK, 'hub-feedback#2307; docker/roadmap#724'),
      quirk('oci-subject', 'sends OCI-Subject although it has no API', LISTING, 'hub-feedback#2372; oras#666'),
      quirk(
        'missing-subject',
        'refuses a manifest whose subject is not there',
        'pushes the manifest by digest first and states the window in the receipt',
        'hub-feedback#2372; distribution-spec#459',
      ),
    ],
  },
  {
    name: 'ecr',
    title: 'Amazon Elastic Container Registry',
    hosts: [
      /^[0-9]{12}\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws)$/,
      /^public\.ecr\.aws$/,
    ],
    referrersApi: 'unknown',
    missingSubject: 'unknown',
    singlePost: false,
    mount: 'referenced-blobs',
    chunks: { trustsRange: false },
    immutableTags: 'setting',
    quirks: [
      quirk(
        'oci-subject',
        'sent OCI-Subject without an API (2024)',
        LISTING,
        'sigstore-js#1183; containers-roadmap#2783',
      ),
      quirk(
        'missing-subject',
        'answered 405 to the PUT of a referrer (March 2026)',
        'takes 405 as "subject first", and fails without a tag when it stays',
        'containers-roadmap#2783',
      ),
      quirk(
        'chunks',
        'the Range of its answers stays at the first chunk although later ones are stored',
        'never resumes from its Range; starts the blob again',
        'containers-roadmap#2831',
      ),
      quirk(
        'mount',
        'mounts only blobs that a manifest names already, otherwise it answers 202',
        'uses the session that the 202 opened',
        'containers-roadmap#2860',
      ),
      quirk(
        'immutable-tags',
        'tags of a repository can be made immutable',
        IMMUTABLE_TAGS,
        'containers-roadmap#2380; buildkit#3776',
      ),
    ],
  },
  {
    name: 'artifact-registry',
    title: 'Google Artifact Registry',
    hosts: [/^[a-z0-9-]+-docker\.pkg\.dev$/, /^(?:[a-z]+\.)?gcr\.io$/],
    referrersApi: 'unknown',
    missingSubject: 'unknown',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'setting',
    quirks: [
      quirk(
        'referrers-api',
        'support is reported by one user and in no table: treat as unknown',
        `asks every time, and otherwise ${FALLBACK}`,
        'tekton/chains#1691',
      ),
    ],
  },
  {
    name: 'acr',
    title: 'Azure Container Registry',
    hosts: [/^[a-z0-9-]+\.azurecr\.(?:io|cn|us)$/],
    referrersApi: 'answers',
    missingSubject: 'accepted',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'setting',
    quirks: [
      quirk(
        'missing-subject',
        'accepts referrers to a subject that is not there yet (conformance 1.1, June 2024)',
        'pushes referrers first: the image is never visible without them',
        'oci-conformance, ACR junit; distribution-spec v1.1.0 conformance/03_discovery_test.go',
      ),
      quirk(
        'chunks',
        'refuses a Content-Range of the form "bytes 0-99"',
        'writes "0-99", the form of the specification',
        'dotnet/sdk-container-builds#258',
      ),
    ],
  },
  {
    name: 'harbor',
    title: 'Harbor',
    hosts: [],
    referrersApi: 'answers',
    missingSubject: 'accepted',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'setting',
    quirks: [
      quirk(
        'referrers-api',
        'answers the referrers API since 2.11, and takes referrers to a missing subject',
        'pushes referrers first',
        'harbor#20068',
      ),
      quirk(
        'immutable-tags',
        'a project can have rules that make tags immutable; a PUT is then refused with 412',
        IMMUTABLE_TAGS,
        'goharbor/harbor#9427',
      ),
      quirk(
        'mount',
        'answers 401 to a mount from a project that it does not know',
        'asks again without the mount, and for no other blob from there',
        'goharbor/harbor#17097',
      ),
    ],
  },
  {
    name: 'quay',
    title: 'Quay',
    hosts: [/^quay\.io$/],
    referrersApi: 'answers',
    missingSubject: 'unknown',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'never',
    quirks: [
      quirk(
        'mount',
        'older versions fail on a mount that does not say from which repository',
        'never mounts without a source repository',
        'quay/quay#899; regclient#398',
      ),
    ],
  },
  {
    name: 'gitlab',
    title: 'GitLab Container Registry',
    hosts: [/^registry\.gitlab\.com$/],
    referrersApi: 'absent',
    missingSubject: 'unknown',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'setting',
    quirks: [
      quirk(
        'referrers-api',
        'failed the tests of the referrers API',
        FALLBACK,
        'gitlab-org/container-registry, issue 1205',
      ),
    ],
  },
  {
    name: 'distribution',
    title: 'CNCF Distribution 2.8 and 3.1',
    hosts: [],
    referrersApi: 'absent',
    missingSubject: 'accepted',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'never',
    quirks: [
      quirk(
        'referrers-api',
        'has neither the referrers API nor OCI-Subject; it keeps manifests with a subject as they are',
        FALLBACK,
        'distribution PR #4828; rust-oci-client#259',
      ),
      quirk(
        'single-post',
        'ignores the body of a POST with a digest and opens a session',
        'sends the blob with POST and PUT from then on',
        'distribution-spec 1.1.1, "Pushing a blob monolithically"',
      ),
    ],
  },
  {
    name: 'zot',
    title: 'zot',
    hosts: [],
    referrersApi: 'answers',
    missingSubject: 'accepted',
    singlePost: true,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'never',
    quirks: [
      quirk(
        'missing-subject',
        'accepts referrers to a subject that is not there yet ("Missing Subject: Pass")',
        'pushes referrers first',
        'oci-conformance, v1.1/zot/results.yaml; zot#1424',
      ),
    ],
  },
  {
    name: 'jfrog',
    title: 'JFrog Artifactory',
    hosts: [/^[a-z0-9-]+\.jfrog\.io$/],
    referrersApi: 'answers',
    missingSubject: 'unknown',
    singlePost: false,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'setting',
    quirks: [
      quirk(
        'referrers-api',
        'answers the referrers API since 7.90.1; older ones do not',
        `asks every time, and otherwise ${FALLBACK}`,
        'the vendor; no issue that can be cited was found',
      ),
    ],
  },
  {
    name: 'crane',
    title: 'go-containerregistry (crane registry serve)',
    hosts: [],
    referrersApi: 'answers',
    missingSubject: 'accepted',
    singlePost: true,
    mount: 'any-blob',
    chunks: TRUSTED,
    immutableTags: 'never',
    quirks: [
      quirk(
        'oci-subject',
        'lists referrers, sends no OCI-Subject and applies no filter',
        'believes the list, and filters it itself',
        'go-containerregistry v0.22.1, pkg/registry',
      ),
    ],
  },
];

/** The profile of a host, or `undefined` for one that could be any software. */
export function profileOf(host: string): RegistryProfile | undefined {
  const name = host.replace(/:\d+$/, '');
  return REGISTRY_PROFILES.find(({ hosts }) => hosts.some((pattern) => pattern.test(name)));
}
