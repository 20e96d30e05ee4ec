// SPDX-License-Identifier: GPL-3.0-or-later
// What a representative reads about its service: which version counts, and that two endpoints must say so.
import { expect } from 'chai'
import { id, ZeroAddress, ZeroHash } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import {
  NestedError,
  partyOfLower,
  type Reader,
  requireRepresentative,
  versionAtTime,
} from '../../../keepers/nested/index.ts'

const [TREE, UPPER, LOWER, KEEPER] = ['1', '2', '3', '4'].map((digit) => `0x${digit.repeat(40)}`) as [
  string,
  string,
  string,
  string,
]
const place = { tree: TREE, upper: UPPER, lower: LOWER }
const service = contractInterface('ILearningService')
const tree = contractInterface('ServiceTree')

type Chain = {
  readonly accepted: readonly number[]
  readonly represents?: string
  readonly sitsFor?: string
  readonly admission?: string
  readonly raw?: string
}

/** A service's parameters, of which only the admission contract matters here. */
function parametersWith(admission: string): string {
  const fields = service.getFunction('parameters')!.outputs[0]!.components!.map(({ name, type }) => {
    if (name === 'admission') return admission
    return type === 'bool' ? false : type === 'address' ? ZeroAddress : type === 'bytes32' ? ZeroHash : 0
  })
  return service.encodeFunctionResult('parameters', [fields as never])
}

/** What a chain with these versions answers. */
function answer({ accepted, represents = LOWER, sitsFor = LOWER, admission = TREE, raw }: Chain, data: string): string {
  if (raw !== undefined) return raw
  const call = service.parseTransaction({ data })
  if (call?.name === 'versionCount') return service.encodeFunctionResult('versionCount', [accepted.length])
  if (call?.name === 'versionAt') {
    const version = Number(call.args[0])
    return service.encodeFunctionResult('versionAt', [[1, version, accepted[version - 1], 3, id(`version ${version}`)]])
  }
  if (call?.name === 'partyOf') return partyOfLower(sitsFor)
  if (call?.name === 'parameters') return parametersWith(admission)
  return tree.encodeFunctionResult('representedBy', [represents])
}

function reader(...chains: readonly Chain[]): Reader {
  return {
    provider: { call: async ({ data }) => answer(chains[0]!, String(data)) },
    clock: { now: () => 1_000_000 },
    endpoints: {
      count: chains.length,
      everywhere: async (method, params) =>
        chains.map((chain, i) => ({
          endpoint: `https://node-${i}.example`,
          result:
            method === 'eth_getBlockByNumber'
              ? { number: '0x10', timestamp: '0x3e8' }
              : answer(chain, (params[0] as { data: string }).data),
        })),
    },
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (cause: unknown) => cause,
  )
  expect(error).to.be.instanceOf(NestedError)
  return (error as NestedError).code
}

describe('a service’s version for a round of another', () => {
  it('is the newest that was accepted when the round began, not a later one', async () => {
    const chain = { accepted: [100, 200, 300] }
    for (const [time, version] of [
      [100, 1n],
      [299, 2n],
      [300, 3n],
      [9_999, 3n],
    ] as const) {
      const found = await versionAtTime(reader(chain), LOWER, time)
      expect([found.version, found.commitment]).to.deep.equal([version, id(`version ${version}`)])
    }
    expect(await codeOf(versionAtTime(reader(chain), LOWER, 99))).to.equal('no-version')
    expect(await codeOf(versionAtTime(reader({ accepted: [] }), LOWER, 99))).to.equal('no-version')
  })

  it('takes two endpoints’ word where there are two, and none where they contradict each other', async () => {
    const [honest, lying] = [{ accepted: [100, 200] }, { accepted: [100, 150, 200] }]
    expect((await versionAtTime(reader(honest, honest), LOWER, 500)).version).to.equal(2n)
    expect(await codeOf(versionAtTime(reader(lying, honest), LOWER, 500))).to.equal('unheard')
    expect((await versionAtTime(reader(lying, honest, honest), LOWER, 500)).version).to.equal(2n)
  })

  it('is brought only by the keeper that the service has appointed', async () => {
    await requireRepresentative(reader({ accepted: [] }), place, KEEPER)
    for (const represents of [ZeroAddress, UPPER]) {
      expect(await codeOf(requireRepresentative(reader({ accepted: [], represents }), place, KEEPER))).to.equal(
        'not-representative',
      )
    }
    const [yes, no] = [{ accepted: [] }, { accepted: [], represents: ZeroAddress }]
    expect(await codeOf(requireRepresentative(reader(yes, no), place, KEEPER))).to.equal('unheard')
  })

  it('is brought only from a seat that was taken for the service: others count a keeper that sits for itself as one that hides them', async () => {
    for (const seat of [{ sitsFor: KEEPER }, { sitsFor: UPPER }, { admission: ZeroAddress }, { admission: LOWER }]) {
      const check = requireRepresentative(reader({ accepted: [], ...seat }), place, KEEPER)
      expect(await codeOf(check), JSON.stringify(seat)).to.equal('not-representative')
    }
  })

  it('is not read from addresses that are something else', async () => {
    const raw = '0x'
    expect(await codeOf(versionAtTime(reader({ accepted: [], raw }), LOWER, 1))).to.equal('wrong-contract')
    expect(await codeOf(requireRepresentative(reader({ accepted: [], raw }), place, KEEPER))).to.equal('wrong-contract')
  })
})
