import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import {
  ARTIFACT,
  CYCLONEDX,
  cosignSays,
  type InstanceName,
  PROVENANCE,
  type SignedSet,
  type SigstoreContext,
  signSet,
  startContext,
  verifyOurselves,
} from './context.js';
import { cosignSignedTests } from './cosign-signed-tests.js';
import { ghSays, ghTests } from './gh-tests.js';
import { runSignAction } from './sign-process.js';
import { TAMPERINGS, type Tampering } from './tamper.js';
import { printedCommandsTests } from './verify-commands.js';

/** Signing costs seconds of waiting for a checkpoint: each instance signs once for all tests. */
const sets = new Map<InstanceName, Promise<SignedSet>>();

function setOf(context: SigstoreContext, name: InstanceName): Promise<SignedSet> {
  const known = sets.get(name) ?? signSet(context, name);
  sets.set(name, known);
  return known;
}

const CONTENTS = [
  { content: 'blob', predicateType: undefined },
  { content: 'provenance', predicateType: PROVENANCE },
  { content: 'sbom', predicateType: CYCLONEDX },
] as const;

type Content = (typeof CONTENTS)[number];

function question({ predicateType }: Content, bundle: string, artifact: Uint8Array = ARTIFACT) {
  return { bundle, artifact, ...(predicateType === undefined ? {} : { predicateType }) };
}

function acceptance(name: InstanceName, content: Content): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign and we accept the ${content.content} bundle`,
    async run(context) {
      const { json } = (await setOf(context, name))[content.content];
      const { accepted, detail } = await cosignSays(context, name, question(content, json));
      expectThat('cosign accepts the bundle', accepted, detail);
      const verified = verifyOurselves(context, name, question(content, json));
      expectThat('our verification names the log', verified.transparency === 'logged');
    },
  };
}

function refusal(name: InstanceName, content: Content, tampering: Tampering): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign and we refuse the ${content.content} bundle with ${tampering.name}`,
    async run(context) {
      const { json } = (await setOf(context, name))[content.content];
      const { bundle, artifact } = tampering.apply(json, ARTIFACT);
      expectThat('the tampering changes something', bundle !== json || !Buffer.from(artifact).equals(ARTIFACT));
      const { accepted } = await cosignSays(context, name, question(content, bundle, artifact));
      expectThat('cosign refuses the bundle', !accepted);
      expectThat(
        'our verification refuses the bundle',
        refused(() => verifyOurselves(context, name, question(content, bundle, artifact))),
      );
    },
  };
}

function refused(verify: () => unknown): boolean {
  try {
    verify();
    return false;
  } catch {
    return true;
  }
}

function actionRun(name: InstanceName): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign, gh and we accept what the sign action writes in its own process`,
    async run(context) {
      const { bundles, blob } = await runSignAction(context, name);
      const slots = ['blob', 'provenance', 'sbom-cyclonedx', 'signature'];
      expectThat(
        'one bundle for each input',
        [...bundles.keys()].sort().join() === slots.join(),
        [...bundles.keys()].join(),
      );
      expectThat('the bundle beside the file is that of the folder', bundles.get('blob') === blob);
      for (const [slot, predicateType] of [
        ['blob'],
        ['provenance', PROVENANCE],
        ['sbom-cyclonedx', CYCLONEDX],
      ] as const) {
        const asked = { bundle: bundles.get(slot) ?? '', ...(predicateType === undefined ? {} : { predicateType }) };
        const { accepted, detail } = await cosignSays(context, name, asked);
        expectThat(`cosign accepts ${slot}`, accepted, detail);
        if (predicateType !== undefined) {
          const second = await ghSays(context, name, { bundle: asked.bundle, predicateType });
          expectThat(`gh accepts ${slot}`, second.accepted, second.detail);
        }
        verifyOurselves(context, name, asked);
      }
    },
  };
}

function foreignIdentity(name: InstanceName): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign and we refuse another identity`,
    async run(context) {
      const bundle = (await setOf(context, name)).provenance.json;
      const stranger = { ...context, policy: { ...context.policy, repositoryId: '31337' } };
      expectThat(
        'our verification refuses it',
        refused(() => verifyOurselves(stranger, name, { bundle })),
      );
      const other = { ...context, identity: `${context.identity}x` };
      const { accepted } = await cosignSays(other, name, { bundle, predicateType: PROVENANCE });
      expectThat('cosign refuses it', !accepted);
    },
  };
}

const NAMES: readonly InstanceName[] = ['real', 'double'];

export const sigstoreSuite = defineSuite<SigstoreContext>({
  engines: ['crane', 'oras', 'actionlint', 'fulcio', 'rekor', 'timestamp-server', 'cosign', 'gh'],
  start: startContext,
  tests: [
    ...cosignSignedTests,
    ...NAMES.flatMap((name) => [
      actionRun(name),
      foreignIdentity(name),
      ...printedCommandsTests(name),
      ...CONTENTS.flatMap((content) =>
        content.predicateType === undefined
          ? []
          : ghTests(name, {
              ...content,
              bundle: async (context) => (await setOf(context, name))[content.content].json,
            }),
      ),
      ...CONTENTS.flatMap((content) => [
        acceptance(name, content),
        ...TAMPERINGS.filter(({ of }) => of === 'any' || of === (content.content === 'blob' ? 'message' : 'dsse')).map(
          (tampering) => refusal(name, content, tampering),
        ),
      ]),
    ]),
  ],
});
