// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper hears of the representatives in its service: not one endpoint's word, where two are configured.
import { expect } from 'chai'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { countRepresentatives, partyOfLower, type Reader } from '../../../keepers/nested/index.ts'

const [TREE, UPPER, LOWER, OTHER, KEEPER, OWN] = ['1', '2', '3', '4', '5', '6'].map(
  (digit) => `0x${digit.repeat(40)}`,
) as [...[string, string, string, string, string, string]]
const tree = contractInterface('ServiceTree')
const service = contractInterface('ILearningService')
/** An endpoint of a chain on which the keeper sits for LOWER or for itself, of an admission contract of another kind, or one that is away. */
type Says = 'sits for it' | 'sits for itself' | 'another contract' | 'garbage' | 'away'

function answer(says: Says, data: string): { result?: string; reason?: string } {
  if (says === 'away') return { reason: 'no answer within 10 s' }
  if (says === 'another contract') return { reason: 'execution reverted' }
  if (says === 'garbage') return { result: '0x' }
  const { name, args } = (tree.parseTransaction({ data }) ?? service.parseTransaction({ data }))!
  if (name === 'lowerCount') return { result: tree.encodeFunctionResult(name, [2]) }
  if (name === 'lowerAt') return { result: tree.encodeFunctionResult(name, [[OTHER, LOWER][Number(args[1])]!]) }
  const isFor = says === 'sits for it' && args[0] === KEEPER ? LOWER : null
  return { result: isFor === null ? partyOfLower(KEEPER) : partyOfLower(isFor) }
}

function reader(...says: readonly Says[]): Reader {
  return {
    clock: { now: () => 1_000_000 },
    provider: {
      call: async ({ data }) => {
        const { result, reason } = answer(says[0]!, String(data))
        if (result !== undefined) return result
        throw Object.assign(new Error(reason), { code: says[0] === 'away' ? 'TIMEOUT' : 'CALL_EXCEPTION' })
      },
    },
    endpoints: {
      count: says.length,
      everywhere: async (method, params) =>
        says.map((one, i) => ({
          endpoint: `https://node-${i}.example`,
          ...(method === 'eth_getBlockByNumber'
            ? { result: { number: '0x10', timestamp: '0x3e8' } }
            : answer(one, (params[0] as { data: string }).data)),
        })),
    },
  }
}

describe('the representatives among the members of a service', () => {
  /** The number, or the error's code. */
  const count = (...says: readonly Says[]) =>
    countRepresentatives(reader(...says), { upper: UPPER, admission: TREE }, [KEEPER, OWN]).catch(
      (error: { code?: string }) => error.code,
    )

  it('are those whose seats were taken for services that the tree has had invited', async () => {
    expect(await count('sits for it')).to.equal(1)
    expect(await count('sits for itself')).to.equal(0)
    expect(await count('another contract'), 'none where another contract admits').to.equal(null)
    expect(await count('garbage')).to.equal(null)
    expect(await count('away'), 'silence says nothing').to.equal('TIMEOUT')
  })

  it('are as many as two endpoints say: one that lies makes the keeper wait, not train', async () => {
    expect(await count('sits for it', 'sits for it')).to.equal(1)
    expect(await count('another contract', 'another contract')).to.equal(null)
    for (const other of ['sits for itself', 'another contract', 'garbage', 'away'] as const) {
      expect(await count(other, 'sits for it'), other).to.equal('unheard')
      expect(await count(other, 'sits for it', 'sits for it'), `${other}, outvoted`).to.equal(1)
    }
    expect(await count('another contract', 'away')).to.equal('unheard')
  })
})
