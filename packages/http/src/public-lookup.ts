import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPrivateAddress, privateAddress } from './address.js';

/**
 * Resolves names with `lookup` (default: as this machine does) and answers only when every address of a name is public; else with
 * {@link HttpError} `HTTP_ADDRESS_REFUSED`. A socket dials the addresses that it was answered, so a name that stands for another one
 * when it is asked again (DNS rebinding) wins nothing.
 */
export function publicLookup(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found, family) => {
      if (error) return callback(error, []);
      const addresses = typeof found === 'string' ? [{ address: found, family: family ?? 0 }] : found;
      if (addresses.some(({ address }) => isPrivateAddress(address))) return callback(privateAddress(hostname), []);
      answer(addresses, options.all === true, callback);
    });
  };
}

function answer(addresses: readonly LookupAddress[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const [first] = addresses;
  if (all || first === undefined) callback(null, [...addresses]);
  else callback(null, first.address, first.family);
}
