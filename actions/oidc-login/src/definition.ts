import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'oidc-login',
  purpose: 'Signs in to a registry with the identity of the job and leaves no password behind',
  inputs: {
    method: input.choice(['token-exchange', 'job-token', 'anonymous'], {
      description:
        'token-exchange: an OIDC token of the job for an access token (RFC 8693); job-token: the token of the job; ' +
        'anonymous: nobody, for what everybody may read',
      required: true,
    }),
    registry: input.string({ description: 'One registry host, with port if it has one', required: true }),
    'token-url': input.url({ description: 'Endpoint of the token exchange' }),
    'revocation-url': input.url({ description: 'Endpoint that revokes the access token after the job (RFC 7009)' }),
    audience: input.string({
      description: 'Audience of the OIDC token, as the token service expects it; never Sigstore',
    }),
    scope: input.string({ description: 'Scope to ask for, such as repository:octo/app:pull,push' }),
    resource: input.string({ description: 'Resource to ask for' }),
    username: input.string({
      description:
        'User name beside the token. job-token: who started the run by default; token-exchange: without it the access ' +
        'token is sent as it stands',
    }),
    'github-token': input.secret({
      description: 'Token of the job, for job-token; sent to the registry of this server alone',
    }),
  },
  outputs: {
    'registry-config': output("Path of a file in the form of docker's config.json, removed after the job"),
    'expires-at': output('When the access token ends; empty for job-token, which ends with the job'),
  },
  permissions: { 'id-token': 'write' },
  hosts: ['the token service and the revocation endpoint that the inputs name'],
  writes: ['RUNNER_TEMP/paved/oidc-login'],
  example: `- uses: org/paved/oidc-login@v1
  id: login
  with:
    method: job-token
    registry: ghcr.io
    github-token: \${{ github.token }}`,
  post: true,
});
