import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrust } from '@paved/attestation';
import { ToolchainError } from './error.js';
import { resolveCommit } from './release/git.js';
import { readConfig } from './render/config.js';
import { renderWorkflows } from './render/workflows.js';
import { runCommand } from './run-command.js';
import { signingIdentities } from './trust/identities.js';
import { emptyTrust, type TrustChange, trustText, updateTrust } from './trust/update-trust.js';

/** `npm run trust -- release COMMIT vX.Y.Z`, `npm run trust -- revoke COMMIT REASON`: writes trust.json, which is then signed. */
await runCommand(async () => {
  const root = process.cwd();
  const [verb = '', name = '', ...rest] = process.argv.slice(2);
  const path = join(root, 'trust.json');
  const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const config = await readConfig(join(root, 'paved.config.yml'));
  const identities = signingIdentities(config, await renderWorkflows(join(root, 'workflows'), config));
  const current = await readFile(path, 'utf8').then(parseTrust, (error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return emptyTrust(identities, at);
    throw error;
  });
  if (verb === 'init') {
    await writeFile(path, trustText({ ...current, identities }));
    return;
  }
  const change = parseChange(verb, await resolveCommit(root, name), rest.join(' '));
  const next = updateTrust({ ...current, identities }, change, at);
  await writeFile(path, trustText(next));
  process.stdout.write(`trust.json ${next.sequence}: ${change.$case} ${change.commit}\n`);
});

function parseChange(verb: string, commit: string, text: string): TrustChange {
  if (verb === 'release') return { $case: 'release', commit, version: text };
  if (verb === 'revoke') return { $case: 'revoke', commit, reason: text };
  throw new ToolchainError('OPTION_UNKNOWN', `Cannot change trust.json by "${verb}": it is not known`, {
    hint: 'Use release, revoke or init',
  });
}
