import type { TokenEvaluator } from './expression/evaluate-token.js';
import type { Json } from './expression/json-data.js';
import type { StepsJob } from './workflow/model.js';

type Values = Readonly<Record<string, Json>>;

/** One machine of a job: what `matrix` and `strategy` are on it. */
export interface Leg {
  readonly matrix: Values;
  readonly strategy: Values;
}

/** More legs than a job may have (GitHub's limits for workflows). */
const MAX_LEGS = 256;

/**
 * The legs of a job with a matrix, in the order in which they start; of a job without one, undefined.
 * @throws {Error} for an empty vector, as the service ends such a job; for more than 256 legs, and for what is not executed here
 */
export function legsOf({ strategy }: StepsJob, evaluator: TokenEvaluator): readonly Leg[] | undefined {
  if (strategy === undefined) return undefined;
  const { matrix, 'fail-fast': failFast = true, ...others } = evaluator.value(strategy) as Values;
  if (matrix === undefined || Object.keys(others).length > 0) {
    throw new Error(`Cannot run a strategy with "${Object.keys(others)[0] ?? 'no matrix'}"`);
  }
  const combinations = combinationsOf(matrix as Values);
  if (combinations.length > MAX_LEGS) throw new Error(`Cannot run a matrix of ${combinations.length} legs`);
  return combinations.map((values, index) => ({
    matrix: values,
    strategy: { 'fail-fast': failFast, 'job-index': index, 'job-total': combinations.length, 'max-parallel': 1 },
  }));
}

/** Either vectors, or a list of legs as `include` alone; how both would be merged is not executed here. */
function combinationsOf({ include, ...vectors }: Values): readonly Values[] {
  if (include === undefined) return product(Object.entries(vectors));
  const [vector] = Object.keys(vectors);
  if (vector !== undefined) throw new Error(`Cannot run a matrix with "include" beside "${vector}"`);
  if (!Array.isArray(include) || include.length === 0) {
    throw new Error("Matrix vector 'include' does not contain any values");
  }
  return include as readonly Values[];
}

function product(vectors: readonly (readonly [string, Json])[]): readonly Values[] {
  let legs: readonly Values[] = [{}];
  for (const [name, values] of vectors) {
    if (name === 'exclude') throw new Error(`Cannot run a matrix with "${name}"`);
    if (!Array.isArray(values) || values.length === 0) {
      throw new Error(`Matrix vector '${name}' does not contain any values`);
    }
    legs = legs.flatMap((leg) => values.map((value: Json) => ({ ...leg, [name]: value })));
  }
  return legs;
}

/** The name of a leg's job: as it stands where it names the matrix, otherwise with the leg's values behind it. */
export function legName(job: StepsJob, name: string, { matrix }: Leg): string {
  if (job.name?.toString().includes('matrix.') === true) return name;
  return `${name} (${Object.values(matrix).map(textOf).join(', ')})`;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
