// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the pseudo-labels in a book on the chain, with the inputs that provers got. The record of a label leads to a member's request, and that to a
// public payload, which must open the commitment that the label is for.
import { getBytes, type JsonRpcApiProvider, ZeroHash } from 'ethers'
import { clients, contractInterface } from '../chain/index.ts'
import { decodePayload, integersOf } from '../serving/index.ts'
import { type IntegerProgram, tensorOf } from '../zkml/index.ts'
import { NestedError } from './errors.ts'
import { type Reader, witnessed } from './witnessed.ts'

/** In the order of IPseudoLabels.LabelStatus. */
const LABELLED = 2n

export type LabelSource = Reader & {
  readonly provider: JsonRpcApiProvider
  /** The PseudoLabels contract; below, the number of the student's book. */
  readonly contract: string
  readonly book: number
  readonly fromBlock: number
  /** A program that rounds inputs as the labelling models' circuits do, because the student shares their `plan.input`. */
  readonly program: IntegerProgram
  readonly classes: number
}

export type PaidLabel = {
  readonly inputCommitment: string
  /** Values in the model's range. */
  readonly input: Float32Array
  readonly label: number
  /** Thousandths by which the winner led. */
  readonly lead: number
}

/** A book's labels, read once each: a recorded label never changes. */
export class LabelReader {
  readonly #source: LabelSource
  readonly #known = new Map<string, PaidLabel>()
  #next: number

  constructor(source: LabelSource) {
    this.#source = source
    this.#next = source.fromBlock
  }

  /**
   * All labels up to the newest block, in the order of their records.
   * @throws NestedError bad-label for one that the book does not have, that is beyond the classes, or whose input does not open it;
   * unheard while no two endpoints confirm it
   */
  async read(signal?: AbortSignal): Promise<PaidLabel[]> {
    const { provider, contract, book } = this.#source
    const to = await provider.getBlockNumber()
    if (to >= this.#next) {
      const iface = contractInterface('PseudoLabels')
      const topics = iface.encodeFilterTopics('LabelRecorded', [book])
      const logs = await provider.getLogs({ address: contract, topics, fromBlock: this.#next, toBlock: to })
      for (const { topics: found, data } of logs) {
        signal?.throwIfAborted()
        const { inputCommitment, questionId, label, lead } = iface.decodeEventLog('LabelRecorded', data, found)
        if (this.#known.has(inputCommitment)) continue
        const held = { inputCommitment, label: Number(label), lead: Number(lead) }
        await this.#confirm(held)
        this.#known.set(inputCommitment, { ...held, input: await this.#inputOf(inputCommitment, questionId) })
      }
      this.#next = to + 1
    }
    return [...this.#known.values()]
  }

  /** Checks that the book itself has the label, because an event is only one endpoint's word. */
  async #confirm({ inputCommitment, label }: Pick<PaidLabel, 'inputCommitment' | 'label'>): Promise<void> {
    const { contract, book, classes } = this.#source
    const iface = contractInterface('PseudoLabels')
    const data = iface.encodeFunctionData('labelOf', [book, inputCommitment])
    const [word] = await witnessed(this.#source, [{ to: contract, data, what: `labelOf at ${contract}` }])
    const [held] = iface.decodeFunctionResult('labelOf', word!)
    const bad = (what: string): never => {
      throw new NestedError('bad-label', `book ${book}, input ${inputCommitment}: ${what}`)
    }
    if (held.status !== LABELLED || Number(held.value) !== label)
      bad('an event says that it is labelled, the book does not')
    if (label >= classes) bad(`label ${label}, the service has ${classes} classes: is it another ensemble's book?`)
  }

  /** The input, from the request to the first member that was asked: the hub has it in public. */
  async #inputOf(inputCommitment: string, questionId: bigint): Promise<Float32Array> {
    const { provider, contract, program, fromBlock } = this.#source
    const step = tensorOf(program, program.input.tensor).scale
    const ensembles = await clients.pseudoLabels(contract, provider).ENSEMBLES()
    const asked = await clients.serviceEnsembles(ensembles, provider).askedOf(questionId)
    const requestId = asked.find((member) => member.requestId !== ZeroHash)?.requestId
    if (requestId === undefined) throw new NestedError('bad-label', `question ${questionId}: nobody was asked`)
    const hub = clients.hub(await clients.serviceEnsembles(ensembles, provider).HUB(), provider)
    const [log] = await provider.getLogs({
      address: await hub.getAddress(),
      topics: hub.interface.encodeFilterTopics('InferenceRequested', [requestId]),
      fromBlock,
      toBlock: 'latest',
    })
    if (log === undefined)
      throw new NestedError('bad-label', `question ${questionId}: no request ${requestId} since block ${fromBlock}`)
    const { payload } = hub.interface.decodeEventLog('InferenceRequested', log.data, log.topics)
    try {
      const opened = decodePayload(getBytes(payload), program, BigInt(inputCommitment))
      return Float32Array.from(integersOf(opened, program.input.min), (value) => value * step)
    } catch (cause) {
      const why = (cause as Error).message
      throw new NestedError('bad-label', `question ${questionId}: ${why}: has the service the ensemble's plan.input?`, {
        cause,
      })
    }
  }
}
