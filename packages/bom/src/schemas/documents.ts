import cryptographyDefs from './cryptography-defs.assertions.schema.json' with { type: 'json' };
import cyclonedx15 from './cyclonedx-1.5.assertions.schema.json' with { type: 'json' };
import cyclonedx16 from './cyclonedx-1.6.schema.json' with { type: 'json' };
import cyclonedx17 from './cyclonedx-1.7.assertions.schema.json' with { type: 'json' };
import jsf from './jsf-0.82.schema.json' with { type: 'json' };
import spdx23 from './spdx-2.3.schema.json' with { type: 'json' };
import spdxLicences from './spdx-licences.schema.json' with { type: 'json' };

/** CycloneDX (ECMA-424 for 1.6) by version. */
export const CYCLONEDX_SCHEMAS: Readonly<Record<'1.5' | '1.6' | '1.7', object>> = {
  '1.5': cyclonedx15,
  '1.6': cyclonedx16,
  '1.7': cyclonedx17,
};

/** The schemas that those reference. */
export const CYCLONEDX_REFERENCES: readonly object[] = [jsf, spdxLicences, cryptographyDefs];

export const SPDX_2_3: object = spdx23;

/** Identifiers of the SPDX licence list and of its exceptions, as the CycloneDX project publishes them. */
export const SPDX_LICENCE_IDS: readonly string[] = spdxLicences.enum;
