import { GITHUB_WORKFLOW_BUILD_TYPE, RELEASE_ARTIFACT_BUILD_TYPE } from '@paved/attestation';
import { parseJson, record, unknown } from '@paved/json';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';

/** What the provenance must say beyond what the certificate already proves (SLSA 1.2, "Verifying artifacts", step 2). */
export interface Expectations {
  readonly builderId?: string;
  readonly buildTypes?: readonly string[];
  readonly level?: number;
  readonly sourceRepository?: string;
  readonly sourceCommit?: string;
  /** JSON pointers below externalParameters that must be there. */
  readonly requiredParameters?: readonly string[];
  /** Members of externalParameters that must be equal; objects are compared member by member, everything else whole. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** Short names of the build types that this verifier knows; another one's parameters would mean nothing to it. */
export const BUILD_TYPES: Readonly<Record<string, string>> = {
  'release-artifact': RELEASE_ARTIFACT_BUILD_TYPE,
  'github-workflow': GITHUB_WORKFLOW_BUILD_TYPE,
};

/** Accepted where nothing else is asked for. */
export const DEFAULT_BUILD_TYPES: readonly string[] = [RELEASE_ARTIFACT_BUILD_TYPE];

/** @throws {VerifyError} `INPUT_INVALID` */
export function parseExpectations(inputs: InputsOf<typeof definition>): Expectations | undefined {
  const types = inputs['build-types'];
  const pointers = inputs['required-parameters'];
  const given: Expectations = {
    ...(inputs['builder-id'] === undefined ? {} : { builderId: inputs['builder-id'] }),
    ...(types === undefined ? {} : { buildTypes: types.map(buildTypeOf) }),
    ...(inputs['slsa-level'] === undefined ? {} : { level: inputs['slsa-level'] }),
    ...(inputs['source-repository'] === undefined ? {} : { sourceRepository: inputs['source-repository'] }),
    ...(inputs['source-commit'] === undefined ? {} : { sourceCommit: inputs['source-commit'] }),
    ...(pointers === undefined ? {} : { requiredParameters: pointers.map(assertPointer) }),
    ...(inputs['expected-parameters'] === undefined
      ? {}
      : { parameters: parseParameters(inputs['expected-parameters']) }),
  };
  return Object.keys(given).length === 0 ? undefined : given;
}

function buildTypeOf(name: string): string {
  const type = Object.hasOwn(BUILD_TYPES, name) ? BUILD_TYPES[name] : undefined;
  if (type !== undefined) return type;
  throw new VerifyError('INPUT_INVALID', `Cannot accept build type "${name.slice(0, 80)}": it is not known`, {
    hint: `Use ${Object.keys(BUILD_TYPES).join(' or ')}`,
  });
}

function assertPointer(text: string): string {
  if (/^(\/[^/~]+)+$/.test(text)) return text;
  throw new VerifyError('INPUT_INVALID', `Cannot read parameter "${text.slice(0, 80)}": it is not a pointer`, {
    hint: 'Write the names with a slash before each: /inputs/command',
  });
}

function parseParameters(text: string): Readonly<Record<string, unknown>> {
  try {
    const parameters = parseJson('expected-parameters', text, record(unknown));
    if (Object.keys(parameters).length > 0) return parameters;
  } catch (cause) {
    throw new VerifyError('INPUT_INVALID', 'Cannot read input "expected-parameters"', { cause });
  }
  throw new VerifyError('INPUT_INVALID', 'Cannot compare expected-parameters: it is empty');
}
