import { object, optional, parseJson, string } from '@paved/json';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import {
  type BundleSigner,
  type IdentityPolicy,
  type InstanceServices,
  type KeyPolicy,
  type ManagedKey,
  newThrowAwayKey,
  openKeySession,
  openKmsKey,
  openSigningSession,
  parsePemKey,
  resolveInstance,
  type SigningCertificate,
  type WitnessOptions,
} from '@paved/sigstore';
import type { definition } from './definition.js';
import { SignError } from './error.js';
import { assertJobClaims, type ExpectedWorkflow, ownPolicy } from './job-claims.js';
import { loadTrust } from './load-trust.js';
import { reportProgress } from './summarise.js';

type Inputs = InputsOf<typeof definition>;

/** A session with what its bundles must verify against, and who they say signed. */
export interface OpenedSigner {
  readonly signer: BundleSigner;
  readonly policy: IdentityPolicy | KeyPolicy;
  /** Absent for a key. */
  readonly certificate?: SigningCertificate;
  readonly publicKey?: string;
  /** The root of a known instance. */
  readonly trustedRoot?: string;
}

const awsSecrets = object({ secretAccessKey: optional(string), sessionToken: optional(string) });
const KMS_TIMEOUT_MS = 20_000;

/**
 * Opens the session that the inputs ask for: a certificate from an instance, or a key.
 * @throws {SignError} `INPUT_INVALID` for inputs that do not go together
 */
export async function openSigner(inputs: Inputs, context: ActionContext): Promise<OpenedSigner> {
  return inputs.instance === 'key' ? await openKey(inputs, context) : await openCertified(inputs, context);
}

async function openCertified(inputs: Inputs, context: ActionContext): Promise<OpenedSigner> {
  refuseKeyInputs(inputs);
  const workflow = expectedWorkflow(inputs);
  const audience = inputs['oidc-audience'];
  const serverUrl = inputs['server-url'].origin;
  const { fulcioUrl, logs, tsaUrls, trustedRoot } = await servicesOf(inputs, context);
  const session = await openSigningSession({
    ...{ fulcioUrl, logs, tsaUrls, audience, serverUrl },
    ...{ transparency: inputs.transparency, timeouts: timeoutsOf(inputs), http: context.http },
    idToken: () => context.idToken(audience),
    assertClaims: (claims) => assertJobClaims(claims, context.runner, workflow),
    onProgress: (progress) => reportProgress(context, progress),
  });
  return {
    signer: session,
    policy: ownPolicy(session.claims, serverUrl),
    certificate: session.certificate,
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
  };
}

/** Addresses of the inputs, a signing config, an update repository, or a known instance; never a mixture of them. */
async function servicesOf(inputs: Inputs, context: ActionContext): Promise<InstanceServices> {
  const { instance, transparency } = inputs;
  const [fulcioUrl, tsaUrl] = [inputs['fulcio-url']?.href, inputs['tsa-url']?.href];
  const ownConfig = inputs['signing-config'];
  const addresses = fulcioUrl !== undefined || tsaUrl !== undefined || inputs['rekor-url'] !== undefined;
  if (addresses && (instance !== 'custom' || ownConfig !== undefined || inputs['tuf-url'] !== undefined)) {
    throw new SignError('INPUT_INVALID', 'Cannot choose the services: addresses are for instance "custom" alone', {
      hint: 'Leave out fulcio-url, rekor-url and tsa-url, or the instance, the signing config and tuf-url',
    });
  }
  if (addresses) {
    const promised = inputs['rekor-version'] === '1' && transparency === 'required';
    if (fulcioUrl === undefined || (tsaUrl === undefined && !promised)) {
      throw new SignError('INPUT_INVALID', 'Cannot sign: instance "custom" needs fulcio-url and tsa-url', {
        hint: 'Only a required log of version 1 takes the place of the timestamp authority',
      });
    }
    return { fulcioUrl, logs: logsOf(inputs), tsaUrls: tsaUrl === undefined ? [] : [tsaUrl] };
  }
  const version = inputs['rekor-version'];
  const trust = await loadTrust(inputs, context);
  const signingConfig = ownConfig ?? trust?.signingConfig;
  const services = resolveInstance({
    instance: instance === 'key' ? 'custom' : instance,
    ...{ transparency, at: new Date() },
    ...(version === 'highest' ? {} : { rekorVersion: version === '1' ? 1 : 2 }),
    ...(signingConfig === undefined ? {} : { signingConfig }),
  });
  return trust === undefined ? services : { ...services, trustedRoot: trust.trustedRoot };
}

function timeoutsOf(inputs: Inputs): NonNullable<WitnessOptions['timeouts']> {
  return { fulcioMs: inputs['fulcio-timeout'], rekorMs: inputs['rekor-timeout'], tsaMs: inputs['tsa-timeout'] };
}

function logsOf(inputs: Inputs): InstanceServices['logs'] {
  const url = inputs['rekor-url']?.href;
  return url === undefined ? [] : [{ url, version: inputs['rekor-version'] === '1' ? 1 : 2 }];
}

/** Half of it is an expression that was empty: `job.workflow_sha` on a runner that does not know it yet. */
function expectedWorkflow(inputs: Inputs): ExpectedWorkflow | undefined {
  const { 'expected-workflow-path': path, 'expected-workflow-sha': sha } = inputs;
  if (path === undefined && sha === undefined) return undefined;
  if (path !== undefined && sha !== undefined) return { path, sha };
  const empty = path === undefined ? 'expected-workflow-path' : 'expected-workflow-sha';
  throw new SignError('INPUT_INVALID', `Cannot hold the job to a workflow: ${empty} is empty`, {
    hint: 'Set both, the commit from job.workflow_sha, which old runners and servers leave empty; or neither',
  });
}

async function openKey(inputs: Inputs, context: ActionContext): Promise<OpenedSigner> {
  const { transparency, 'rsa-padding': rsaPadding } = inputs;
  const given = [inputs.key !== undefined, inputs['kms-key'] !== undefined, inputs['throw-away-key']];
  if (given.filter(Boolean).length !== 1) {
    throw new SignError(
      'INPUT_INVALID',
      'Cannot sign with a key: exactly one of key, kms-key and throw-away-key is needed',
      { hint: 'Set one of the three, and leave the others out' },
    );
  }
  if (inputs['fulcio-url'] !== undefined || inputs['signing-config'] !== undefined) {
    throw new SignError('INPUT_INVALID', 'Cannot sign with a key: no authority certifies it', {
      hint: 'Leave out fulcio-url and signing-config, or choose another instance',
    });
  }
  if (inputs['expected-workflow-path'] !== undefined || inputs['expected-workflow-sha'] !== undefined) {
    throw new SignError(
      'INPUT_INVALID',
      'Cannot hold a key to a workflow: without a token nothing says which one this is',
      {
        hint: 'Leave out expected-workflow-path and expected-workflow-sha, or choose another instance',
      },
    );
  }
  const key = await readKey(inputs, context);
  const tsaUrl = inputs['tsa-url']?.href;
  const session = await openKeySession({
    ...{ key, transparency, timeouts: timeoutsOf(inputs), http: context.http, logs: logsOf(inputs) },
    ...(tsaUrl === undefined ? {} : { tsaUrl }),
    onProgress: (progress) => reportProgress(context, progress),
  });
  const { publicKey } = session;
  const policy = session.algorithm === 'rsa-pkcs1-sha256' ? { publicKey, rsaPadding } : { publicKey };
  return { signer: session, publicKey, policy };
}

async function readKey(inputs: Inputs, context: ActionContext): Promise<ManagedKey> {
  const { key: pem, 'kms-key': uri, 'key-password': password, 'rsa-padding': rsaPadding } = inputs;
  if (inputs['throw-away-key']) return newThrowAwayKey();
  if (uri === undefined) {
    return parsePemKey({ pem: pem ?? '', rsaPadding, ...(password === undefined ? {} : { password }) });
  }
  return await openKmsKey({
    ...{ http: context.http, uri, rsaPadding, timeoutMs: KMS_TIMEOUT_MS },
    credentials: credentialsOf(inputs, context),
    ...(inputs['kms-url'] === undefined ? {} : { endpoint: inputs['kms-url'].href }),
  });
}

/** The parts of AWS credentials are secrets of their own, which the mask of the whole does not cover. */
function credentialsOf(inputs: Inputs, { mask }: ActionContext): string {
  const text = inputs['kms-credentials'] ?? '';
  for (const value of secretsIn(text)) mask(value);
  return text;
}

/** As JSON means them, not as it spells them: a slash may have a backslash before it. */
function secretsIn(text: string): readonly string[] {
  try {
    const { secretAccessKey, sessionToken } = parseJson('the credentials', text, awsSecrets);
    return [secretAccessKey, sessionToken].filter((value) => value !== undefined && value !== '') as string[];
  } catch {
    return [];
  }
}

function refuseKeyInputs(inputs: Inputs): void {
  if (inputs.key === undefined && inputs['kms-key'] === undefined && !inputs['throw-away-key']) return;
  throw new SignError('INPUT_INVALID', `Cannot sign with instance "${inputs.instance}" and a key`, {
    hint: 'Choose instance "key", or leave out key, kms-key and throw-away-key',
  });
}
