const ARC = '1.3.6.1.4.1.57264.1';

/** What a certificate of Fulcio says about a GitHub job (fulcio, docs/oid-info.md). */
export interface CertificateExtensions {
  readonly issuer?: string;
  readonly buildSignerUri?: string;
  /** Commit of the workflow file that holds the job: `job_workflow_sha`. */
  readonly buildSignerDigest?: string;
  readonly runnerEnvironment?: string;
  readonly sourceRepositoryUri?: string;
  readonly sourceRepositoryDigest?: string;
  readonly sourceRepositoryRef?: string;
  readonly sourceRepositoryId?: string;
  readonly sourceRepositoryOwnerUri?: string;
  readonly sourceRepositoryOwnerId?: string;
  readonly buildConfigUri?: string;
  readonly buildConfigDigest?: string;
  readonly buildTrigger?: string;
  readonly runInvocationUri?: string;
  readonly sourceRepositoryVisibility?: string;
  readonly deploymentEnvironment?: string;
  readonly tokenSubject?: string;
}

export type ExtensionName = keyof CertificateExtensions;

/** OID to name of the extensions whose value is a DER UTF8String. */
export const EXTENSION_NAMES: Readonly<Record<string, ExtensionName>> = {
  [`${ARC}.8`]: 'issuer',
  [`${ARC}.9`]: 'buildSignerUri',
  [`${ARC}.10`]: 'buildSignerDigest',
  [`${ARC}.11`]: 'runnerEnvironment',
  [`${ARC}.12`]: 'sourceRepositoryUri',
  [`${ARC}.13`]: 'sourceRepositoryDigest',
  [`${ARC}.14`]: 'sourceRepositoryRef',
  [`${ARC}.15`]: 'sourceRepositoryId',
  [`${ARC}.16`]: 'sourceRepositoryOwnerUri',
  [`${ARC}.17`]: 'sourceRepositoryOwnerId',
  [`${ARC}.18`]: 'buildConfigUri',
  [`${ARC}.19`]: 'buildConfigDigest',
  [`${ARC}.20`]: 'buildTrigger',
  [`${ARC}.21`]: 'runInvocationUri',
  [`${ARC}.22`]: 'sourceRepositoryVisibility',
  [`${ARC}.23`]: 'deploymentEnvironment',
  [`${ARC}.24`]: 'tokenSubject',
};

/** The deprecated raw strings; one that contradicts its successor is a forgery or a defect, and refused. */
export const LEGACY_EXTENSION_NAMES: Readonly<Record<string, ExtensionName>> = {
  [`${ARC}.1`]: 'issuer',
  [`${ARC}.2`]: 'buildTrigger',
  [`${ARC}.3`]: 'sourceRepositoryDigest',
  [`${ARC}.6`]: 'sourceRepositoryRef',
};
