// SPDX-License-Identifier: GPL-3.0-or-later
// The digest of the manifest in a service's parameters on the chain, and whether a manifest has it.
import { VersionError } from './errors.ts'
import { manifestDigest, type ServiceManifest } from './manifest.ts'

/** ethers' ZeroHash, written out so that ethers need not be loaded for it. */
const NONE = `0x${'0'.repeat(64)}`

/** A contract whose parameters contain digests: the current one, and the one for the next epoch. */
export type ManifestSource = {
  parameters(): Promise<{ readonly manifest: string }>
  pendingParameters(): Promise<readonly [pending: boolean, next: { readonly manifest: string }]>
}

export type AgreedDigests = {
  /** The digest for the running epoch, or for the epoch of an open registration; null when the chain has none. */
  readonly current: string | null
  /** The digest from the next epoch on; undefined when the DAO has set no other parameters. */
  readonly next?: string | null
}

export async function agreedDigests(service: ManifestSource): Promise<AgreedDigests> {
  const [{ manifest }, [pending, next]] = await Promise.all([service.parameters(), service.pendingParameters()])
  return { current: digestOf(manifest), ...(pending ? { next: digestOf(next.manifest) } : {}) }
}

/** The digest in a service's parameters, or null. */
export function digestOf(word: string): string | null {
  return word === NONE ? null : word
}

/** Why a keeper with this manifest cannot be a member; null if it can. The manifest for the next epoch is accepted as well. */
export function disagreement({ current, next }: AgreedDigests, manifest: ServiceManifest): string | null {
  const own = manifestDigest(manifest)
  if (current === null || current === own || next === null || next === own) return null
  return `this keeper's manifest is ${own}, the service's is ${next ?? current}`
}

/** @param fix the command that resolves it @throws VersionError WRONG_MANIFEST for another manifest than the chain's */
export function requireAgreed(agreed: AgreedDigests, manifest: ServiceManifest, fix: string): void {
  const wrong = disagreement(agreed, manifest)
  if (wrong !== null) throw new VersionError('WRONG_MANIFEST', `${wrong}: ${fix}`)
}
