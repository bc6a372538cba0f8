import cyclonedx16 from './cyclonedx-1.6.schema.json' with { type: 'json' };
import jsf from './jsf-0.82.schema.json' with { type: 'json' };
import spdx23 from './spdx-2.3.schema.json' with { type: 'json' };
import spdxLicences from './spdx-licences.schema.json' with { type: 'json' };

/** CycloneDX 1.6 (ECMA-424) and the two schemas that it references. */
export const CYCLONEDX_1_6: { readonly schema: object; readonly references: readonly object[] } = {
  schema: cyclonedx16,
  references: [jsf, spdxLicences],
};

export const SPDX_2_3: object = spdx23;

/** Identifiers of the SPDX licence list and of its exceptions, as the CycloneDX project publishes them. */
export const SPDX_LICENCE_IDS: readonly string[] = spdxLicences.enum;
