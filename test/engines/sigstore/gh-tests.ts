import { type EngineTest, expectThat } from '../suite.js';
import { ARTIFACT, type InstanceName, type SigstoreContext } from './context.js';
import { askGh, type GhQuestion } from './gh.js';
import { TAMPERINGS } from './tamper.js';

/** A statement of ours, as text of its bundle. */
interface Statement {
  readonly content: string;
  readonly predicateType: string;
  bundle(context: SigstoreContext): Promise<string>;
}

function question({ claims, identity, issuer }: SigstoreContext, bundle: string, predicateType: string): GhQuestion {
  return {
    ...{ bundle, predicateType, identity, issuer: issuer.url, artifact: ARTIFACT },
    repository: claims.repository ?? '',
    signerDigest: claims.job_workflow_sha ?? '',
  };
}

/** Status 0 means that gh accepts the bundle. */
export async function ghSays(
  context: SigstoreContext,
  name: InstanceName,
  asked: Pick<GhQuestion, 'bundle' | 'predicateType'> & Partial<GhQuestion>,
): Promise<{ readonly accepted: boolean; readonly detail: string }> {
  const whole = { ...question(context, asked.bundle, asked.predicateType), ...asked };
  const { status, stdout, stderr } = await askGh(context.gh, context.instances[name], whole);
  return { accepted: status === 0, detail: `${stdout}${stderr}`.slice(-1500) };
}

const STRANGERS: readonly (readonly [string, Partial<GhQuestion>])[] = [
  ['another repository', { repository: 'acme/other' }],
  ['another owner', { repository: 'other/widget' }],
  ['another workflow', { identity: 'https://github.com/org/paved/.github/workflows/other.yml@refs/tags/v1' }],
  ['another commit of the workflow', { signerDigest: 'd'.repeat(40) }],
  ['another issuer', { issuer: 'https://token.actions.githubusercontent.com' }],
  ['another predicate type', { predicateType: 'https://example.com/other' }],
];

/** gh reads envelopes alone: each kind of statement that we sign, one byte changed, and another signer. */
export function ghTests(
  name: InstanceName,
  { content, predicateType, bundle }: Statement,
): EngineTest<SigstoreContext>[] {
  const acceptance: EngineTest<SigstoreContext> = {
    name: `${name}: gh accepts the ${content} bundle, and nothing of another signer`,
    async run(context) {
      const text = await bundle(context);
      const { accepted, detail } = await ghSays(context, name, { bundle: text, predicateType });
      expectThat('gh accepts the bundle', accepted, detail);
      for (const [what, stranger] of STRANGERS) {
        const answer = await ghSays(context, name, { bundle: text, predicateType, ...stranger });
        expectThat(`gh refuses ${what}`, !answer.accepted);
      }
    },
  };
  const refusals = TAMPERINGS.filter(({ of }) => of !== 'message').map((tampering) => ({
    name: `${name}: gh refuses the ${content} bundle with ${tampering.name}`,
    async run(context: SigstoreContext) {
      const changed = tampering.apply(await bundle(context), ARTIFACT);
      expectThat('gh refuses the bundle', !(await ghSays(context, name, { ...changed, predicateType })).accepted);
    },
  }));
  return [acceptance, ...refusals];
}
