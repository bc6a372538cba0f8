/** @sigstore/sign is loaded when a session opens: a verifier never pays for it, and a signer loads it while it waits for its token. */
export async function loadSignLibrary(): Promise<typeof import('@sigstore/sign')> {
  return await import('@sigstore/sign');
}
