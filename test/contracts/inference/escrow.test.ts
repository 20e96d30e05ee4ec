// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createHub, FEATURE, INPUT, WEIGHTS } from './hub.ts'
import type { Proof } from './product-circuit.ts'

/** The settlement of a request that nobody has answered or refunded. */
const UNSETTLED = 0n

describe('InferenceHub escrow', () => {
  it('is conserved over random requests, answers, batches of answers, refunds and withdrawals', async function () {
    this.timeout(240_000)
    const world = await createHub()
    const { hub, circuit, ethers, networkHelpers, models, service } = world
    const people = (await ethers.getSigners()).slice(4, 8)
    let seed = 20261120
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return seed % below
    }
    const price = () => BigInt(1 + random(1000))
    const ids: string[] = []
    const outcome: Record<string, number> = {}
    for (let step = 0; step < 120; step++) {
      const who = people[random(people.length)]!
      const id = ids[random(Math.max(1, ids.length))] ?? ethers.ZeroHash
      const actions = [
        async () => {
          const deadline = (await networkHelpers.time.latest()) + 20 + random(400)
          await hub.connect(who).request(1 + random(2), INPUT, deadline, 0, '0x', { value: price() })
          ids.push(ethers.toBeHex(ids.length + 1, 32))
        },
        async () => {
          const { version, modelId, deadline } = await hub.getRequest(id)
          const weight = WEIGHTS[Number(version) - 1]!
          const context = await hub.contextOf(id, who.address, modelId, version, deadline)
          await hub.connect(who).fulfil(id, weight * FEATURE, await circuit.prove(weight, FEATURE, context))
        },
        async () => void (await hub.connect(who).refund(id)),
        async () => void (await hub.connect(who).withdraw(who, who)),
        async () => void (await networkHelpers.time.increase(random(240))),
        async () => void (await models.release(service, 1 + random(3))),
        async () => {
          // Open or not, and now and then one twice: then the whole batch must come to nothing.
          const batch = Array.from({ length: 2 + random(2) }, () => ids[random(ids.length)]!)
          const outputs: bigint[] = []
          const proofs: Proof[] = []
          for (const requestId of batch) {
            const answer = await world.answer(requestId, who)
            outputs.push(answer.output)
            proofs.push(answer.proof)
          }
          await hub.connect(who).fulfilBatch(batch, outputs, proofs)
        },
      ]
      const chosen = ids.length === 0 ? 0 : [0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 6, 6][random(13)]!
      const name = ['request', 'fulfil', 'refund', 'withdraw', 'wait', 'release', 'fulfilBatch'][chosen]!
      await actions[chosen]!().then(
        () => (outcome[name] = (outcome[name] ?? 0) + 1),
        (error: Error) => {
          if (!/reverted/.test(error.message)) throw error
        },
      )
      let owed = 0n
      for (const account of people) owed += await hub.balanceOf(account)
      for (const request of ids) {
        const { settlement, price: escrowed } = await hub.getRequest(request)
        if (settlement === UNSETTLED) owed += escrowed
      }
      expect(await ethers.provider.getBalance(hub), `after step ${step} (${name})`).to.equal(owed)
    }
    for (const action of ['request', 'fulfil', 'fulfilBatch', 'refund', 'withdraw'])
      expect(outcome[action], action).to.be.above(0)
  })
})
