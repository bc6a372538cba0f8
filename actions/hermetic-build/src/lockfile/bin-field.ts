import { type Decoder, oneOf, record, string } from '@paved/json';

/** `bin` of a package.json: one file, or files by command. */
export const bins = oneOf<Readonly<Record<string, string>> | string>(record(string), string);

/** Packages of old have anything in a field; what cannot be used counts as absent. */
export function lenient<T>(decoder: Decoder<T>): Decoder<T | undefined> {
  return (value, path) => {
    try {
      return decoder(value, path);
    } catch {
      return undefined;
    }
  };
}
