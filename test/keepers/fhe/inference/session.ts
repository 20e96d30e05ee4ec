// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers, a requester and a reader in one process.
import { type EncryptionKeyPair, generateEncryptionKey } from '../../../../keepers/fhe/index.ts'
import { answerInference, readInference } from '../../../../keepers/fhe/inference/answer.ts'
import { denseLayer, type SquareNetwork } from '../../../../keepers/fhe/inference/network.ts'
import { type InferenceRequest, requestInference } from '../../../../keepers/fhe/inference/request.ts'
import { InferenceRing } from '../../../../keepers/fhe/inference/ring.ts'
import { type InferenceTermsOptions, inferenceTerms } from '../../../../keepers/fhe/inference/terms.ts'

export type Session = {
  readonly network: SquareNetwork
  readonly ring: InferenceRing
  readonly pairs: readonly EncryptionKeyPair[]
  readonly keepers: readonly Uint8Array[]
  readonly reader: EncryptionKeyPair
}

/** A network of these widths with weights within ±1 in steps of 2^-8. */
export function network(...widths: number[]): SquareNetwork {
  const vector = (length: number) => Array.from({ length }, () => 2 * Math.random() - 1)
  const layers = widths.slice(1).map((width, at) => {
    const rows = Array.from({ length: width }, () => vector(widths[at]!))
    return denseLayer(rows, vector(width), 8)
  })
  return { layers }
}

export async function open(of: SquareNetwork, options: Omit<InferenceTermsOptions, 'clipBound'>): Promise<Session> {
  const ring = await InferenceRing.open(inferenceTerms(of, { ...options, clipBound: 4 }))
  const pairs = Array.from({ length: options.members }, generateEncryptionKey)
  return { network: of, ring, pairs, keepers: pairs.map(({ publicKey }) => publicKey), reader: generateEncryptionKey() }
}

export function samples(count: number, inputs: number): Float64Array[] {
  return Array.from({ length: count }, () => Float64Array.from({ length: inputs }, () => 8 * Math.random() - 4))
}

/** The first keepers that can answer, or those given. */
export function ask(
  { ring, keepers, reader }: Session,
  of: readonly ArrayLike<number>[],
  answering = Array.from({ length: ring.terms.answering }, (_, keeper) => keeper),
): InferenceRequest & { readonly answering: readonly number[] } {
  return { ...requestInference(ring, { keepers, answering, reader: reader.publicKey, samples: of }), answering }
}

export async function answer(
  { ring, network, pairs, keepers }: Session,
  asked: ReturnType<typeof ask>,
  self: number,
): Promise<Uint8Array> {
  const share = asked.shares[asked.answering.indexOf(self)]!
  return answerInference(ring, { network, request: asked.bytes, share, self, own: pairs[self]!, keepers })
}

export async function answers(session: Session, asked: ReturnType<typeof ask>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for (const self of asked.answering) all.push(await answer(session, asked, self))
  return all
}

export function read({ ring, reader }: Session, asked: ReturnType<typeof ask>, given: readonly Uint8Array[]) {
  return readInference(ring, { reader, request: asked.bytes, answers: given })
}
