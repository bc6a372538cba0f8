import { array, type Decoder, object, optional, record, string, unknown } from '@paved/json';
import { AttestationError } from './error.js';
import { PREDICATE_TYPES } from './predicate-types.js';
import { type ResourceDescriptor, resourceDescriptor } from './resource.js';
import { buildStatement, type Statement, type Subject } from './statement.js';
import { timestamp } from './timestamp.js';

/** SLSA provenance v1, `buildDefinition`; the build type defines what the parameters mean. */
export interface BuildDefinition {
  readonly buildType: string;
  readonly externalParameters: Readonly<Record<string, unknown>>;
  readonly internalParameters?: Readonly<Record<string, unknown>>;
  readonly resolvedDependencies?: readonly ResourceDescriptor[];
}

export interface BuildMetadata {
  readonly invocationId?: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
}

export interface RunDetails {
  readonly builder: {
    readonly id: string;
    readonly version?: Readonly<Record<string, string>>;
    readonly builderDependencies?: readonly ResourceDescriptor[];
  };
  readonly metadata?: BuildMetadata;
  readonly byproducts?: readonly ResourceDescriptor[];
}

/** Predicate of `https://slsa.dev/provenance/v1`. */
export interface ProvenancePredicate {
  readonly buildDefinition: BuildDefinition;
  readonly runDetails: RunDetails;
}

/** Decodes a provenance predicate; members that the specification does not define are dropped. */
export const provenancePredicate: Decoder<ProvenancePredicate> = object({
  buildDefinition: object({
    buildType: string,
    externalParameters: record(unknown),
    internalParameters: optional(record(unknown)),
    resolvedDependencies: optional(array(resourceDescriptor)),
  }),
  runDetails: object({
    builder: object({
      id: string,
      version: optional(record(string)),
      builderDependencies: optional(array(resourceDescriptor)),
    }),
    metadata: optional(
      object({ invocationId: optional(string), startedOn: optional(timestamp), finishedOn: optional(timestamp) }),
    ),
    byproducts: optional(array(resourceDescriptor)),
  }),
});

export function buildProvenance(
  subjects: readonly Subject[],
  predicate: ProvenancePredicate,
): Statement<ProvenancePredicate> {
  return buildStatement({ predicateType: PREDICATE_TYPES.provenance, subjects, predicate });
}

/** @throws {AttestationError} `PREDICATE_TYPE_UNKNOWN` for another type, `PREDICATE_MALFORMED` with the field as cause */
export function parseProvenance(statement: Statement): Statement<ProvenancePredicate> {
  return { ...statement, predicate: readPredicate(statement, PREDICATE_TYPES.provenance, provenancePredicate) };
}

/** Compares the type by equality before it decodes: a prefix match would let another version through. */
export function readPredicate<T>(statement: Statement, predicateType: string, decoder: Decoder<T>): T {
  if (statement.predicateType !== predicateType) {
    throw new AttestationError(
      'PREDICATE_TYPE_UNKNOWN',
      `Cannot read a predicate as ${predicateType}: it is "${statement.predicateType.slice(0, 100)}"`,
      { hint: 'Pass provenance here, and other statements to the input that is made for them' },
    );
  }
  try {
    return decoder(statement.predicate, '$.predicate');
  } catch (cause) {
    throw new AttestationError('PREDICATE_MALFORMED', `Cannot read a predicate of type ${predicateType}`, {
      cause,
      hint: 'Pass the statement as the action wrote it, without changes',
    });
  }
}
