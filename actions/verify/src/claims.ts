import { record, string } from '@paved/json';
import type { VerifiedBundle } from '@paved/sigstore';
import type { CountedBundle } from './counted-bundle.js';
import { valueAt } from './expectation-checks.js';
import { readPredicate } from './provenance-checks.js';
import type { VerificationPolicy } from './verification-policy.js';
import type { VerifiedSlots } from './verify-slots.js';

/** One thing that is now known, who says so, and what it was compared with. */
export interface Claim {
  readonly field: string;
  readonly value: string;
  readonly voucher: 'oidc' | 'api' | 'seal' | 'build' | 'rehearsal';
  readonly checked: string;
}

const VOUCHERS: readonly Claim['voucher'][] = ['oidc', 'api', 'seal', 'build', 'rehearsal'];
const MAX_VALUE = 2000;

/** The ledger: the certificate's claims, then each part of the provenance under the voucher that it names itself. */
export function claimsOf(verified: VerifiedSlots, policy: VerificationPolicy): readonly Claim[] {
  const provenance = verified.get('provenance')?.[0];
  const any = provenance ?? [...verified.values()][0]?.[0];
  // A key vouches for nothing but itself.
  if (any === undefined || !('identity' in any)) return [];
  return [...certificateClaims(any, policy), ...(provenance === undefined ? [] : provenanceClaims(provenance))];
}

function certificateClaims({ identity }: VerifiedBundle, { identity: policy }: VerificationPolicy): readonly Claim[] {
  const rows: readonly (readonly [string, string | undefined, string])[] = [
    ['certificate.issuer', identity.issuer, 'equal to the policy'],
    ['certificate.subjectAlternativeName', identity.san, 'workflow path equal to the policy'],
    ['certificate.buildSignerDigest', identity.buildSignerDigest, 'one of signer-digests'],
    ['certificate.sourceRepositoryId', identity.sourceRepositoryId, 'equal to the policy'],
    ['certificate.sourceRepositoryOwnerId', identity.sourceRepositoryOwnerId, 'equal to the policy'],
    ['certificate.runnerEnvironment', identity.runnerEnvironment, 'equal to the policy; of the signing job'],
    ['certificate.sourceRepositoryUri', identity.sourceRepositoryUri, 'equal to the provenance'],
    ['certificate.sourceRepositoryDigest', identity.sourceRepositoryDigest, 'equal to the provenance'],
    [
      'certificate.sourceRepositoryRef',
      identity.sourceRepositoryRef,
      policy?.sourceRef === undefined ? 'equal to the provenance' : 'equal to the policy and the provenance',
    ],
    ['certificate.buildTrigger', identity.buildTrigger, 'recorded'],
    ['certificate.runInvocationUri', identity.runInvocationUri, 'equal to the provenance'],
  ];
  return rows.flatMap(([field, value, checked]) =>
    value === undefined ? [] : [{ field, value: value.slice(0, MAX_VALUE), voucher: 'oidc' as const, checked }],
  );
}

const CHECKED: Readonly<Record<string, string>> = {
  '/buildDefinition/buildType': 'known build type',
  '/buildDefinition/externalParameters/source': 'equal to the certificate',
  '/buildDefinition/internalParameters/isolation':
    'hermetic where the policy wants it; nothing beyond the word of the build machine',
  '/buildDefinition/internalParameters/jobs': 'present and successful; nothing beyond the word of the API',
  '/runDetails/builder/id': 'equal to the certificate',
  '/runDetails/builder/version/workflow': 'equal to the certificate',
  '/runDetails/metadata/invocationId': 'equal to the certificate',
};

function provenanceClaims(bundle: CountedBundle): readonly Claim[] {
  const predicate = readPredicate(bundle);
  const vouchers = readVouchers(predicate?.buildDefinition.internalParameters?.vouchers);
  return vouchers.flatMap(([pointer, voucher]) => {
    const value = valueAt(predicate, pointer);
    if (value === undefined) return [];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return [
      {
        field: `provenance${pointer}`,
        value: text.slice(0, MAX_VALUE),
        voucher,
        checked: CHECKED[pointer] ?? 'recorded',
      },
    ];
  });
}

function readVouchers(value: unknown): readonly (readonly [string, Claim['voucher']])[] {
  try {
    return Object.entries(record(string)(value)).flatMap(([pointer, text]) => {
      const voucher = VOUCHERS.find((known) => known === text);
      return voucher === undefined ? [] : [[pointer, voucher] as const];
    });
  } catch {
    return [];
  }
}
