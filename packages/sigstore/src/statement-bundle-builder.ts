import type { Artifact, BundleBuilder, BundleBuilderOptions, Signature } from '@sigstore/sign';
import { loadSignLibrary } from './sign-library.js';

/** The library's builder of DSSE bundles, without the key id that it would write into the envelope. */
export async function statementBundleBuilder(options: BundleBuilderOptions): Promise<BundleBuilder> {
  const { DSSEBundleBuilder } = await loadSignLibrary();
  class StatementBundleBuilder extends DSSEBundleBuilder {
    protected override async package(artifact: Artifact, signature: Signature) {
      const bundle = await super.package(artifact, signature);
      // No signature covers a key id, and go-securesystemslib skips a signature whose id is not its own key's.
      for (const made of bundle.content.dsseEnvelope.signatures) made.keyid = '';
      return bundle;
    }
  }
  return new StatementBundleBuilder(options);
}
