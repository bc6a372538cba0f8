/** Builds of the reusable workflows (docs/buildtypes/release-artifact/v1.md); another meaning of a field is another version. */
export const RELEASE_ARTIFACT_BUILD_TYPE = 'https://github.com/org/paved/docs/buildtypes/release-artifact/v1';
/** GitHub's own build type, with exactly its fields and no more (https://actions.github.io/buildtypes/workflow/v1). */
export const GITHUB_WORKFLOW_BUILD_TYPE = 'https://actions.github.io/buildtypes/workflow/v1';
