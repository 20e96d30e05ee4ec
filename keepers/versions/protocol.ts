// SPDX-License-Identifier: GPL-3.0-or-later
// The protocol number, which decides which keepers can serve together. It stands for everything that members must do in the same way for a round to
// succeed: the layouts of keys, updates, shares and models, and the arithmetic that all repeat. A release that changes any of this raises the number,
// and may also support the previous one. Until the first release, protocol 1 is whatever the sources do.
import { VersionError } from './errors.ts'

/** The protocol of a service whose manifest names none, because the first manifests are older than the number. */
export const FIRST_PROTOCOL = 1

/** The protocols that this release supports. */
export const PROTOCOLS: readonly number[] = [1]

/**
 * Refuses a service whose members use a protocol that this keeper does not know. They could not read each other's messages, and members
 * accuse a sender of unreadable messages.
 * @param asked the manifest's `protocol`
 * @throws VersionError PROTOCOL naming both protocols and the fix
 */
export function requireProtocol(
  asked: number | undefined,
  { where, spoken = PROTOCOLS }: { readonly where: string; readonly spoken?: readonly number[] },
): void {
  const needed = asked ?? FIRST_PROTOCOL
  if (spoken.includes(needed)) return
  const newest = Math.max(...spoken)
  const fix =
    needed > newest
      ? 'install a newer release of cohort before the next epoch'
      : 'install the release that the service was made for, or have the DAO set a manifest of the newer protocol'
  throw new VersionError(
    'PROTOCOL',
    `${where}: protocol: the service's members speak ${needed}, this release speaks ${spoken.join(' and ')}: ${fix}`,
  )
}
