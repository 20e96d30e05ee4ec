// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper asks of its RPC provider at blocks of 12 s: a provider's free plan must do. Some 15 minutes, most of them waiting.
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import {
  completed,
  leftAlone,
  MINUTE,
  mostRequests,
  type Requests,
  SLOT_SECONDS,
  slowCluster,
} from '../../scripts/bench/rpc/slow-cluster.ts'
import type { Cluster } from '../../scripts/cluster.ts'

/** A minute; docs/chains.md, "Requests", says how many it is. */
const MOST_IN_ROUNDS = 40
const MOST_IDLE = 10

describe(`a keeper at blocks of ${SLOT_SECONDS} s`, function () {
  this.timeout(40 * MINUTE)
  let cluster: Cluster

  before(async () => {
    cluster = await slowCluster()
    await completed(cluster, 1)
  })
  after(() => cluster?.[Symbol.asyncDispose]())

  const say = ({ all, methods }: Requests): string => {
    const parts = methods.filter(([, count]) => count > 0).map(([method, count]) => `${method} ${count.toFixed(1)}`)
    return `${all.toFixed(1)} a minute: ${parts.join(', ')}`
  }

  it(`sends at most ${MOST_IN_ROUNDS} requests a minute in a round, each block’s head asked for hardly more than once`, async () => {
    const asked = await mostRequests(cluster.nodes, () => completed(cluster, 2))
    console.log(`      ${say(asked)}; ${(60 * asked.minutes).toFixed(0)} s`)
    // The counter counts at all: somebody has sent the steps.
    expect(new Map(asked.methods).get('eth_sendRawTransaction')).to.be.above(1)
    expect(asked.all, say(asked)).to.be.at.most(MOST_IN_ROUNDS)
    expect(new Map(asked.methods).get('eth_getBlockByNumber')).to.be.at.most((1.4 * 60) / SLOT_SECONDS)
  })

  it(`sends at most ${MOST_IDLE} a minute when nothing has happened for minutes`, async () => {
    const last = await leftAlone(cluster)
    const asked = await mostRequests([last], () => wait(2 * MINUTE))
    console.log(`      ${say(asked)}`)
    expect(asked.all, say(asked)).to.be.within(60 / SLOT_SECONDS / 2, MOST_IDLE)
  })
})
