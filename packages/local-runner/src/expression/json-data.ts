import { data } from '@actions/expressions';
import type { ExpressionData } from '@actions/expressions/data/expressiondata';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Into the evaluator's values; keys of objects become case-insensitive there, as in GitHub's contexts. */
export function toData(value: Json): ExpressionData {
  if (value === null) return new data.Null();
  switch (typeof value) {
    case 'string':
      return new data.StringData(value);
    case 'number':
      return new data.NumberData(value);
    case 'boolean':
      return new data.BooleanData(value);
    default:
      break;
  }
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  return new data.Dictionary(...Object.entries(value).map(([key, item]) => ({ key, value: toData(item) })));
}

export function fromData(value: ExpressionData): Json {
  switch (value.kind) {
    case data.Kind.String:
      return value.coerceString();
    case data.Kind.Number:
      return value.number();
    case data.Kind.Boolean:
      return value.coerceString() === 'true';
    case data.Kind.Array:
      return (value as data.Array).values().map(fromData);
    case data.Kind.Dictionary:
      return Object.fromEntries((value as data.Dictionary).pairs().map((pair) => [pair.key, fromData(pair.value)]));
    default:
      return null;
  }
}
