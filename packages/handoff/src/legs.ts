import { HandoffError } from './error.js';

/** One leg of a matrix: a platform that is built on a machine of its own. */
export interface PlatformLeg {
  /** `os/architecture[/variant]`. */
  readonly platform: string;
  /** The platform with `-` for `/`: how the leg's outputs and folders begin. Two platforms never have the same. */
  readonly key: string;
}

/** No `-`, so that keys stay distinct and none begins as another with `-` does. */
const PLATFORM = /^[a-z0-9]+(?:\/[a-z0-9]+){1,2}$/;
const MAX_LEGS = 16;

/**
 * @throws {HandoffError} `HANDOFF_LEGS_INVALID` for no platform, more than 16, one that is named twice, or text that is no platform
 */
export function parseLegs(platforms: readonly string[]): readonly PlatformLeg[] {
  if (platforms.length === 0 || platforms.length > MAX_LEGS) {
    throw invalid(`there are ${platforms.length} platforms, expected 1 to ${MAX_LEGS}`);
  }
  for (const [index, platform] of platforms.entries()) {
    if (!PLATFORM.test(platform)) throw invalid(`${JSON.stringify(platform.slice(0, 60))} is no platform`);
    if (platforms.indexOf(platform) !== index) throw invalid(`${platform} is named twice`);
  }
  return platforms.map((platform) => ({ platform, key: platform.replaceAll('/', '-') }));
}

function invalid(state: string): HandoffError {
  return new HandoffError('HANDOFF_LEGS_INVALID', `Cannot tell the legs of the build: ${state}`, {
    hint: 'Name each platform once, such as linux/amd64, as build.platforms of paved.config.yml does',
  });
}
