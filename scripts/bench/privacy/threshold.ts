// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers as processes answer a request under threshold CKKS.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import {
  generateEncryptionKey,
  InferenceRing,
  type InferenceTerms,
  type InferenceTermsOptions,
  inferenceTerms,
  readInference,
  requestInference,
  type SquareNetwork,
} from '../../../keepers/fhe/index.ts'
import type { KeeperAnswer, KeeperStart, RequestMessage } from './messages.ts'

export type ThresholdCost = {
  readonly terms: InferenceTerms
  readonly outputs: readonly Float64Array[]
  /** Seconds of processor: the requester's, one keeper's (median), the reader's. */
  readonly processor: { readonly requester: number; readonly keeper: number; readonly reader: number }
  /** Seconds from the request to the outputs, keepers side by side on this machine. */
  readonly clock: number
  /** The request goes to every answering keeper, with a share of the key; each sends one answer. */
  readonly bytes: { readonly request: number; readonly share: number; readonly answer: number }
  readonly keeperMemory: number
}

/** Starts the keepers, asks them about the samples once to warm up and once to measure, and ends them. */
export async function askKeepers(
  network: SquareNetwork,
  options: InferenceTermsOptions,
  samples: readonly Float64Array[],
): Promise<ThresholdCost> {
  const terms = inferenceTerms(network, options)
  const children = Array.from({ length: terms.members }, () =>
    fork(join(import.meta.dirname, 'keeper.ts'), { serialization: 'advanced', execArgv: process.execArgv }),
  )
  try {
    const keepers = await Promise.all(
      children.map(async (child) => (await reply<{ publicKey: Uint8Array }>(child)).publicKey),
    )
    await Promise.all(
      children.map(async (child, self) => {
        child.send({ network, options, self, keepers } satisfies KeeperStart)
        await reply<'ready'>(child)
      }),
    )
    const ring = await InferenceRing.open(terms)
    await measure(ring, children, keepers, samples)
    return await measure(ring, children, keepers, samples)
  } finally {
    for (const child of children) child.kill()
  }
}

async function measure(
  ring: InferenceRing,
  children: readonly ChildProcess[],
  keepers: readonly Uint8Array[],
  samples: readonly Float64Array[],
): Promise<ThresholdCost> {
  const { terms } = ring
  const reader = generateEncryptionKey()
  const answering = Array.from({ length: terms.answering }, (_, keeper) => keeper)
  const start = performance.now()
  const [request, requester] = seconds(() =>
    requestInference(ring, { keepers, answering, reader: reader.publicKey, samples }),
  )
  const answers = await Promise.all(
    answering.map(async (keeper, i) => {
      const child = children[keeper]!
      child.send({ request: request.bytes, share: request.shares[i]! } satisfies RequestMessage)
      return await reply<KeeperAnswer>(child)
    }),
  )
  const [outputs, reading] = seconds(() =>
    readInference(ring, { reader, request: request.bytes, answers: answers.map(({ answer }) => answer) }),
  )
  const clock = (performance.now() - start) / 1000
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
  return {
    terms,
    outputs,
    clock,
    processor: { requester, keeper: middle(answers.map(({ processor }) => processor)), reader: reading },
    bytes: {
      request: request.bytes.length,
      share: request.shares[0]!.length,
      answer: answers[0]!.answer.length,
    },
    keeperMemory: Math.max(...answers.map(({ memory }) => memory)),
  }
}

function seconds<T>(body: () => T): readonly [T, number] {
  const before = process.cpuUsage()
  const result = body()
  const { user, system } = process.cpuUsage(before)
  return [result, (user + system) / 1e6]
}

async function reply<T>(child: ChildProcess): Promise<T> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`a keeper's process ended with ${code}`)
    }),
  ])
  return message as T
}
