// SPDX-License-Identifier: GPL-3.0-or-later
// The models of the hub: lists them, and offers new ones.
import { type Signer, ZeroHash } from 'ethers'
import type { InferenceHub } from '../../types/index.ts'
import { clients, countOf, decodeRevert } from '../chain/index.ts'
import { openFolder, readFolderKey } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { OUTPUT_FORMS, type OutputForm, outputSchemaOf } from './output-schema.ts'

export type ModelEntry = {
  readonly modelId: bigint
  readonly service: string
  /** The pinned version; 0 if the model follows the service's releases. */
  readonly pinned: bigint
  /** The version that a proof must be about now; null when nothing is released, or the model was withdrawn. */
  readonly inForce: bigint | null
  readonly circuitId: string
  readonly deprecated: boolean
  /** The form of its output, as its owner describes it. */
  readonly output: OutputForm
  /** For a score, how many units make one; otherwise 0. */
  readonly scale: bigint
}

/** Every model of the hub, by id. */
export async function listModels(hub: InferenceHub): Promise<ModelEntry[]> {
  const count = countOf(await hub.modelCount(), 'models in the hub')
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const modelId = BigInt(index + 1)
      const { service, pinned, circuitId, deprecated, form, scale } = await hub.modelOf(modelId)
      const inForce = await hub.versionInForce(modelId).catch(() => null)
      return { modelId, service, pinned, inForce, circuitId, deprecated, output: OUTPUT_FORMS[Number(form)]!, scale }
    }),
  )
}

export type Offer = {
  readonly signer: Signer
  readonly hub: string
  /** Folder of the circuit that proves it; its verifier is registered already. */
  readonly circuit: string
  readonly service: string
  /** The version to pin, or 0 to follow the service's releases. */
  readonly version: bigint
  /** Weights commitment of the pinned version; needed when there is one. */
  readonly modelHash?: string
  /** Model card: at most 256 bytes. */
  readonly uri?: string
}

/** Offers a service's model through a circuit. Returns the hub's new id for it. @throws ServingError refused */
export async function offerModel(offer: Offer): Promise<bigint> {
  const folder = await openFolder(offer.circuit)
  const { metadata } = await readFolderKey(folder)
  const hub = clients.hub(offer.hub, offer.signer)
  const commitment = {
    modelHash: offer.modelHash ?? ZeroHash,
    circuitHash: folder.manifest.circuitId,
    vkHash: metadata.vkHash,
    proofSystemId: await hub.GROTH16_BN254(),
    uri: offer.uri ?? '',
  }
  const schema = outputSchemaOf(folder.program)
  try {
    const receipt = await (await hub.registerModel(commitment, offer.service, offer.version, schema)).wait()
    const bound = receipt!.logs.map((log) => hub.interface.parseLog(log)).find((log) => log?.name === 'ModelBound')
    return bound!.args.modelId as bigint
  } catch (cause) {
    const reason = decodeRevert(cause, [hub.interface], 'registerModel')
    throw new ServingError('refused', (reason ?? (cause as Error)).message, { cause })
  }
}
