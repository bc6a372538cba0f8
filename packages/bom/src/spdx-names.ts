import { digestHex, sha256 } from '@paved/digest';
import { parseDeclaredLicence } from './licence.js';

export const NO_ASSERTION = 'NOASSERTION';

/** Letters, digits, `.` and `-` only (SPDX 2.3 section 7.2); the hash keeps ids apart that look alike after that. */
export function elementId(ref: string): string {
  const readable = ref
    .replace(/^pkg:/, '')
    .replaceAll(/[^A-Za-z0-9.]+/g, '-')
    .slice(0, 80);
  return `SPDXRef-Package-${readable}-${digestHex(sha256(ref)).slice(0, 12)}`;
}

export function licenceRef(name: string): string {
  return `LicenseRef-paved-${digestHex(sha256(name)).slice(0, 12)}`;
}

/** The field's value: an id, an expression, or a reference to the package's own words. */
export function declaredLicence(text: string | undefined): string {
  if (text === undefined || text.trim() === '') return NO_ASSERTION;
  const licence = parseDeclaredLicence(text);
  switch (licence.$case) {
    case 'id':
      return licence.id;
    case 'expression':
      return licence.expression;
    case 'name':
      return licenceRef(licence.name);
  }
}
