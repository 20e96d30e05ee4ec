// SPDX-License-Identifier: GPL-3.0-or-later
// The manifest that a service's parameters on the chain name: its digest, and whether one is it.
import { VersionError } from './errors.ts'
import { manifestDigest, type ServiceManifest } from './manifest.ts'

/** ethers' ZeroHash, for which alone nobody should load all of it. */
const NONE = `0x${'0'.repeat(64)}`

/** The digests in the contract's parameters, current ones and those for the next epoch. */
export type ManifestSource = {
  parameters(): Promise<{ readonly manifest: string }>
  pendingParameters(): Promise<readonly [pending: boolean, next: { readonly manifest: string }]>
}

export type AgreedDigests = {
  /** Of the epoch that runs, or of the one that registration is for; null when none is agreed on on the chain. */
  readonly current: string | null
  /** From the next epoch on; undefined when the DAO has set no other parameters. */
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

/** Why a keeper with this manifest cannot be a member, or null. One that is agreed on for the next epoch will do. */
export function disagreement({ current, next }: AgreedDigests, manifest: ServiceManifest): string | null {
  const own = manifestDigest(manifest)
  if (current === null || current === own || next === null || next === own) return null
  return `this keeper's manifest is ${own}, the service's is ${next ?? current}`
}

/** @throws VersionError WRONG_MANIFEST for another manifest than the chain's @param fix what to run */
export function requireAgreed(agreed: AgreedDigests, manifest: ServiceManifest, fix: string): void {
  const wrong = disagreement(agreed, manifest)
  if (wrong !== null) throw new VersionError('WRONG_MANIFEST', `${wrong}: ${fix}`)
}
