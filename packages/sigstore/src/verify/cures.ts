/** What helps against a bundle that was changed, cut, or put together from others. */
export const WHOLE_BUNDLE = 'Give the bundle as it was written when it was signed, or sign again';

/** What helps against a bundle of another instance. */
export const OWN_ROOT = 'Give the trusted root of the Sigstore instance that signed, as it is today';
