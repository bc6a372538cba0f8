import { describeError } from '@paved/errors';
import { parseCall } from './options.js';
import { signCall } from './sign.js';
import { verifyCall } from './verify.js';

/** Entry point for sigstore-conformance: exit status 0 when the bundle was made or verifies, else 1 with the reason. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const call = parseCall(args);
    await (call.command === 'verify-bundle' ? verifyCall(call) : signCall(call));
    return 0;
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
