/** Builds of the reusable workflows (docs/buildtypes/release-artifact/v1.md); another meaning of a field is another version. */
export const RELEASE_ARTIFACT_BUILD_TYPE = 'https://github.com/org/paved/docs/buildtypes/release-artifact/v1';
