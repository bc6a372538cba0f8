import { GateError } from '../error.js';

export function vexMalformed(what: string, state: string): GateError {
  return new GateError('VEX_MALFORMED', `Cannot read VEX document ${what}: ${state}`, {
    hint: 'Give OpenVEX 0.2, CycloneDX or CSAF 2.0 as JSON',
  });
}
