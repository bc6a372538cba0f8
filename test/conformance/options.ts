import { parseArgs } from 'node:util';

/** One call of sigstore-conformance's command-line protocol (its docs/cli_protocol.md). */
export type ConformanceCall =
  | {
      readonly command: 'verify-bundle';
      readonly bundlePath: string;
      readonly signer:
        | { readonly kind: 'identity'; readonly identity: string; readonly issuer: string }
        | { readonly kind: 'key'; readonly path: string };
      readonly trustedRootPath: string | undefined;
      /** A path, or `sha256:<hex>`. */
      readonly artifact: string;
    }
  | {
      readonly command: 'sign-bundle';
      readonly bundlePath: string;
      readonly identityToken: string;
      readonly inToto: boolean;
      readonly trustedRootPath: string | undefined;
      readonly signingConfigPath: string | undefined;
      readonly artifact: string;
    };

/** @throws {RangeError} for a call that is not of the protocol */
export function parseCall(args: readonly string[]): ConformanceCall {
  const [command, ...rest] = args;
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    options: {
      staging: { type: 'boolean' },
      'in-toto': { type: 'boolean' },
      bundle: { type: 'string' },
      'certificate-identity': { type: 'string' },
      'certificate-oidc-issuer': { type: 'string' },
      key: { type: 'string' },
      'identity-token': { type: 'string' },
      'trusted-root': { type: 'string' },
      'signing-config': { type: 'string' },
    },
  });
  const [artifact] = positionals;
  const bundlePath = values.bundle;
  if (artifact === undefined || positionals.length > 1 || bundlePath === undefined) {
    throw new RangeError('one artifact and --bundle are needed');
  }
  const trustedRootPath = values['trusted-root'];
  const common = { bundlePath, trustedRootPath, artifact };
  if (command === 'verify-bundle') {
    assertNotStaging(values.staging, trustedRootPath, '--trusted-root');
    return { command, ...common, signer: signerOf(values) };
  }
  if (command !== 'sign-bundle') throw new RangeError(`"${command ?? ''}" is not verify-bundle or sign-bundle`);
  const identityToken = values['identity-token'];
  if (identityToken === undefined) throw new RangeError('--identity-token is needed');
  const signingConfigPath = values['signing-config'];
  assertNotStaging(values.staging, signingConfigPath, '--signing-config');
  return { command, ...common, identityToken, inToto: values['in-toto'] ?? false, signingConfigPath };
}

/** Without a file that says where, staging would silently be the public-good instance: a log that nobody can take an entry from. */
function assertNotStaging(staging: boolean | undefined, file: string | undefined, flag: string): void {
  if (staging !== true || file !== undefined) return;
  throw new RangeError(`--staging needs ${flag}: only the public-good instance is embedded`);
}

function signerOf(values: {
  readonly key?: string | undefined;
  readonly 'certificate-identity'?: string | undefined;
  readonly 'certificate-oidc-issuer'?: string | undefined;
}): Extract<ConformanceCall, { readonly command: 'verify-bundle' }>['signer'] {
  const { key, 'certificate-identity': identity, 'certificate-oidc-issuer': issuer } = values;
  if (key !== undefined && identity === undefined && issuer === undefined) return { kind: 'key', path: key };
  if (key === undefined && identity !== undefined && issuer !== undefined)
    return { kind: 'identity', identity, issuer };
  throw new RangeError('either --key, or --certificate-identity with --certificate-oidc-issuer');
}
