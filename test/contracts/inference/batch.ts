// SPDX-License-Identifier: GPL-3.0-or-later
// A batch of honest direct verifications, ready to be spoilt.
import type { Hub } from './hub.ts'
import { commitment, type Proof } from './product-circuit.ts'

export type Batch = {
  readonly inputs: string[]
  readonly outputs: bigint[]
  readonly proofs: Proof[]
  readonly ticket: { nonce: string; version: bigint; deadline: bigint }
}

/** `size` inferences of model 1 by `user`, each about another input. */
export async function honestBatch(world: Hub, size: number, weight = 3n, modelId = 1, version = 1n): Promise<Batch> {
  const { hub, user, circuit } = world
  const ticket = await world.ticket({ version })
  const features = Array.from({ length: size }, (_, i) => BigInt(10 + i))
  const proofs: Proof[] = []
  for (const [i, feature] of features.entries()) {
    const context = await world.contextFor(user.address, modelId, {
      ...ticket,
      nonce: await hub.batchNonce(ticket.nonce, i),
    })
    proofs.push(await circuit.prove(weight, feature, context))
  }
  return { inputs: features.map(commitment), outputs: features.map((feature) => weight * feature), proofs, ticket }
}

/** The same batch with the items at two places exchanged, or only one of their lists. */
export function swapped<T>(list: readonly T[], i: number, j: number): T[] {
  const copy = [...list]
  ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
  return copy
}
