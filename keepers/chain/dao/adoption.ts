// SPDX-License-Identifier: GPL-3.0-or-later
// Verifiers of circuits, and models from outside.
import type { AdoptedModel, ModelRegistry, VerifierRegistry } from '../../../types/index.ts'
import type { Call } from './proposals.ts'
import { SETUP_KIND, type SetupKind } from './terms.ts'

/** A circuit's verifier, as `proposeVerifier` puts it to the vote. */
export type VerifierTerms = {
  readonly circuitId: string
  readonly verifier: string
  readonly vkHash: string
  readonly setup: SetupKind
  /** Binary CID in hexadecimal; only for a ceremony. */
  readonly transcriptCid?: string
}

/** A model from outside, as `proposeModel` puts it to the vote. */
export type ModelTerms = {
  readonly verifier: VerifierTerms
  /** First public signal of its circuit, 32 bytes in hexadecimal. */
  readonly weightsCommitment: string
  /** Binary CID of its files, in hexadecimal. */
  readonly cid: string
  readonly description?: string
}

/** Registers a circuit's verifier. */
export async function verifierCall(
  verifiers: VerifierRegistry,
  { circuitId, verifier, vkHash, setup, transcriptCid }: VerifierTerms,
): Promise<Call> {
  const terms = [circuitId, verifier, vkHash, SETUP_KIND[setup], transcriptCid ?? '0x'] as const
  return { target: await verifiers.getAddress(), data: verifiers.interface.encodeFunctionData('register', [...terms]) }
}

/** Its circuit's verifier (unless it is registered), its weights commitment, its release. @returns also the version it gets */
export async function adoptionCalls(
  {
    adopted,
    models,
    verifiers,
  }: {
    readonly adopted: AdoptedModel
    readonly models: ModelRegistry
    readonly verifiers: VerifierRegistry
  },
  { verifier, weightsCommitment, cid }: ModelTerms,
): Promise<{ readonly calls: Call[]; readonly version: number }> {
  const version = Number(await adopted.versionCount()) + 1
  const known = await verifiers.resolve(verifier.circuitId).then(
    () => true,
    () => false,
  )
  const target = await adopted.getAddress()
  const calls = [
    ...(known ? [] : [await verifierCall(verifiers, verifier)]),
    { target, data: adopted.interface.encodeFunctionData('adopt', [weightsCommitment, cid]) },
    {
      target: await models.getAddress(),
      data: models.interface.encodeFunctionData('release', [target, version]),
    },
  ]
  return { calls, version }
}
