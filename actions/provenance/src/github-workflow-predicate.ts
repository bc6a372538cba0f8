import { GITHUB_WORKFLOW_BUILD_TYPE, type ProvenancePredicate } from '@paved/attestation';
import { type JobClaims, splitWorkflowRef } from './job-claims.js';

/**
 * Exactly the fields of https://actions.github.io/buildtypes/workflow/v1, in GitHub's own words: every value is a claim of the token.
 * Nothing of ours is added, because strict readers of this type refuse fields that they do not know.
 */
export function buildGitHubWorkflowPredicate(serverUrl: string, claims: JobClaims): ProvenancePredicate {
  const { path } = splitWorkflowRef(claims.workflow_ref);
  const repository = `${serverUrl}/${claims.repository}`;
  return {
    buildDefinition: {
      buildType: GITHUB_WORKFLOW_BUILD_TYPE,
      externalParameters: {
        workflow: { ref: claims.ref, repository, path: path.replace(`${claims.repository}/`, '') },
      },
      internalParameters: {
        github: {
          event_name: claims.event_name,
          repository_id: claims.repository_id,
          repository_owner_id: claims.repository_owner_id,
          runner_environment: claims.runner_environment,
        },
      },
      resolvedDependencies: [{ uri: `git+${repository}@${claims.ref}`, digest: { gitCommit: claims.sha } }],
    },
    runDetails: {
      builder: { id: `${serverUrl}/${claims.job_workflow_ref}` },
      metadata: { invocationId: `${repository}/actions/runs/${claims.run_id}/attempts/${claims.run_attempt}` },
    },
  };
}
