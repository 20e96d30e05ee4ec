// SPDX-License-Identifier: GPL-3.0-or-later
// Pseudo-labels as a keeper reads them: from an event to the book's word to the public payload that opens the input's commitment.
import { expect } from 'chai'
import { type JsonRpcApiProvider, toBeHex, ZeroHash } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { LabelReader, NestedError } from '../../../keepers/nested/index.ts'
import { prepareInput } from '../../../keepers/serving/index.ts'
import { exampleManifest, openManifest, provableModel } from '../../../keepers/versions/index.ts'
import type { IntegerProgram } from '../../../keepers/zkml/index.ts'

const [BOOKS, ENSEMBLES, HUB, SERVICE] = ['1', '2', '3', '4'].map((digit) => `0x${digit.repeat(40)}`) as [
  string,
  string,
  string,
  string,
]
const books = contractInterface('PseudoLabels')
const ensembles = contractInterface('ServiceEnsemble')
const hub = contractInterface('InferenceHub')
const REQUEST = toBeHex(7, 32)
const CLASSES = 10

type Chain = {
  /** What the event says, and what the book says. */
  readonly said: number
  readonly held: { readonly status: number; readonly value: number }
  readonly requestId: string
  readonly payload: string
}

describe('the labels of a book', () => {
  let program: IntegerProgram
  let prepared: { inputCommitment: string; payload: string }
  let honest: Chain
  let reads = 0
  before(async () => {
    const model = await openManifest(exampleManifest('logistic'))
    program = provableModel(model, new Float32Array(model.spec.parameterCount)).program
    prepared = prepareInput(program, new Float32Array(784).fill(0.4))
    honest = { said: 3, held: { status: 2, value: 3 }, requestId: REQUEST, payload: prepared.payload }
  })

  const reader = (chain: Chain, endpoints: readonly Chain[] = [chain]): LabelReader => {
    const call = ({ data }: { data?: string | null }, of: Chain = chain): string => {
      reads++
      const parsed = [books, ensembles]
        .map((iface) => iface.parseTransaction({ data: String(data) }))
        .find((one) => one !== null)
      switch (parsed?.name) {
        case 'labelOf':
          return books.encodeFunctionResult('labelOf', [[of.held.status, 500, of.held.value, 1]])
        case 'ENSEMBLES':
          return books.encodeFunctionResult('ENSEMBLES', [ENSEMBLES])
        case 'HUB':
          return ensembles.encodeFunctionResult('HUB', [HUB])
        default:
          return ensembles.encodeFunctionResult('askedOf', [[[of.requestId, SERVICE, 1000, 0, 0]]])
      }
    }
    const provider = {
      provider: null,
      call: async (request: { data?: string | null }) => call(request),
      getBlockNumber: async () => 9,
      getLogs: async ({ address }: { address: string }) => {
        const [iface, name, values] =
          address === BOOKS
            ? [books, 'LabelRecorded', [1, prepared.inputCommitment, 1, chain.said, 500]]
            : [hub, 'InferenceRequested', [REQUEST, 1, ENSEMBLES, 1, prepared.inputCommitment, 5, 99, chain.payload]]
        return [(iface as typeof books).encodeEventLog(name as string, values as unknown[])]
      },
    } as unknown as JsonRpcApiProvider
    return new LabelReader({
      ...{ provider, contract: BOOKS, book: 1, fromBlock: 0, program, classes: CLASSES },
      clock: { now: () => 1_000_000 },
      endpoints: {
        count: endpoints.length,
        everywhere: async (method, params) =>
          endpoints.map((of, i) => ({
            endpoint: `https://node-${i}.example`,
            result:
              method === 'eth_getBlockByNumber'
                ? { number: '0x9', timestamp: '0x3e8' }
                : call(params[0] as { data: string }, of),
          })),
      },
    })
  }
  const refused = async (chain: Chain, what: RegExp, endpoints?: readonly Chain[]): Promise<void> => {
    const error = await reader(chain, endpoints)
      .read()
      .catch((cause: unknown) => cause)
    expect(error).to.be.instanceOf(NestedError)
    expect((error as Error).message).to.match(what)
  }

  it('come with the values that the provers were given, and are read once', async () => {
    const labels = reader(honest)
    const [label] = await labels.read()
    expect([label!.label, label!.lead]).to.deep.equal([3, 500])
    expect(label!.input).to.have.length(784)
    expect(label!.input[0]).to.be.closeTo(0.4, 0.04)
    const before = reads
    expect(await labels.read()).to.have.length(1)
    expect(reads).to.equal(before)
  })

  it('are refused when the book does not have them: an event is one endpoint’s word', async () => {
    for (const held of [
      { status: 0, value: 0 },
      { status: 1, value: 3 },
      { status: 3, value: 3 },
      { status: 2, value: 4 },
    ]) {
      await refused({ ...honest, held }, /an event says that it is labelled, the book does not/)
    }
    const other = { ...honest, held: { status: 0, value: 0 } }
    await refused(honest, /no two endpoints of chain\.rpc say the same/, [honest, other])
  })

  it('are refused when they are beyond the service’s classes', async () => {
    await refused(
      { ...honest, said: CLASSES, held: { status: 2, value: CLASSES } },
      /label 10, the service has 10 classes/,
    )
  })

  it('are refused when their input does not open the commitment, or was sent to nobody', async () => {
    const another = prepareInput(program, new Float32Array(784).fill(0.4))
    await refused({ ...honest, payload: another.payload }, /does not open the input commitment/)
    await refused({ ...honest, payload: '0x01' }, /bytes, expected/)
    await refused({ ...honest, requestId: ZeroHash }, /nobody was asked/)
  })
})
