import { HttpClient } from '@paved/http';
import { openKeySession, openKmsKey, SigstoreError } from '@paved/sigstore';
import { type EngineTest, expectThat } from '../suite.js';
import { ARTIFACT, PROVENANCE, type SigstoreContext, statement } from './context.js';
import { askCosignWithKey, verifyUnderKey } from './keys-suite.js';
import { MOTO_CREDENTIALS, type Moto, startMoto } from './moto.js';

async function createKey(moto: Moto, keySpec: string, keyUsage = 'SIGN_VERIFY'): Promise<string> {
  const { KeyMetadata } = await moto.administer('CreateKey', { KeySpec: keySpec, KeyUsage: keyUsage });
  return (KeyMetadata as { readonly Arn: string }).Arn;
}

async function sessionOf(context: SigstoreContext, moto: Moto, arn: string) {
  const http = new HttpClient();
  const { rekorUrl, tsaUrl } = context.instances.real;
  const credentials = JSON.stringify(MOTO_CREDENTIALS);
  const key = await openKmsKey({
    ...{ http, credentials, uri: `awskms:///${arn}`, endpoint: moto.url },
    timeoutMs: 10_000,
    rsaPadding: 'pkcs1',
  });
  return await openKeySession({ key, http, rekorUrl, tsaUrl, transparency: 'required' });
}

async function codeOf(task: () => Promise<unknown>): Promise<string> {
  try {
    await task();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof SigstoreError ? error.code : String(error);
  }
}

async function withMoto(task: (moto: Moto) => Promise<void>): Promise<void> {
  const moto = await startMoto();
  try {
    await task(moto);
  } finally {
    await moto.stop();
  }
}

function signs(keySpec: string): EngineTest<SigstoreContext> {
  return {
    name: `AWS KMS (moto), ${keySpec}: we, and cosign where it can, accept what it signs`,
    run: (context) =>
      withMoto(async (moto) => {
        const session = await sessionOf(context, moto, await createKey(moto, keySpec));
        const { publicKey } = session;
        const blob = { bundle: (await session.signBlob(ARTIFACT)).json, publicKey, logged: true };
        const bundle = (await session.signStatement(statement(PROVENANCE, { buildDefinition: {} }))).json;
        for (const question of [blob, { ...blob, bundle, predicateType: PROVENANCE }]) {
          verifyUnderKey(context, question);
          if (keySpec === 'ECC_NIST_P384') continue;
          const answer = await askCosignWithKey(context, question);
          expectThat('cosign accepts the bundle', answer.status === 0, answer.stderr.slice(-800));
        }
      }),
  };
}

const refusals: EngineTest<SigstoreContext> = {
  name: 'AWS KMS (moto): a key for encryption and one that is not there, each with its code',
  run: (context) =>
    withMoto(async (moto) => {
      const arn = await createKey(moto, 'ECC_NIST_P256');
      // A disabled or denied key is our double's part: moto signs with both.
      const codes = [
        await codeOf(async () => await sessionOf(context, moto, await createKey(moto, 'RSA_2048', 'ENCRYPT_DECRYPT'))),
        await codeOf(() => sessionOf(context, moto, arn.replace(/[0-9a-f]{12}$/, '000000000000'))),
      ];
      const expected = ['KEY_ALGORITHM_MISMATCH', 'KEY_NOT_FOUND'];
      expectThat('each has its code', codes.join() === expected.join(), codes.join());
    }),
};

export const kmsTests: readonly EngineTest<SigstoreContext>[] = [
  signs('ECC_NIST_P256'),
  signs('ECC_NIST_P384'),
  signs('RSA_2048'),
  refusals,
];
