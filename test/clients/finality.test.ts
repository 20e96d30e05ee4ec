// SPDX-License-Identifier: GPL-3.0-or-later
// What real clients say is final, and that a keeper with `chain.finality` goes by it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import type { AgentContext, Step } from '../../keepers/agent/context.ts'
import { isFinal } from '../../keepers/agent/steps/final.ts'
import { FailoverProvider } from '../../keepers/chain/index.ts'
import { findClient } from '../../scripts/demo/chain-client.ts'
import { type LocalChain, startLocalChain } from '../../scripts/demo/local-chain.ts'
import { Processes } from '../../scripts/demo/processes.ts'

/** Both finalise whole epochs of 32 blocks, which come every second here. */
const MINUTES = 4

for (const client of ['anvil', 'geth'] as const) {
  describe(`finality on ${client}`, function () {
    this.timeout(MINUTES * 60_000)
    let folder: string
    let processes: Processes
    let chain: LocalChain
    let endpoints: FailoverProvider

    before(async function () {
      if (findClient(client) === null) this.skip()
      folder = await mkdtemp(join(tmpdir(), 'cohort-finality-'))
      processes = new Processes(folder)
      chain = await startLocalChain(processes, { client, blockSeconds: 1 })
      const { chainId } = await chain.provider.getNetwork()
      endpoints = new FailoverProvider({ urls: [chain.url], chainId })
    })
    after(async () => {
      endpoints?.destroy()
      await processes?.[Symbol.asyncDispose]()
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    for (const finality of ['safe', 'finalized'] as const) {
      it(`is not there for a block that is not ${finality} yet, and comes`, async () => {
        const context = {
          config: { chain: { confirmations: 1, finality } },
          endpoints,
          remembered: { final: null },
          log: pino({ level: 'silent' }),
        } as unknown as AgentContext
        const look = async (block: number) => {
          const head = await chain.provider.getBlockNumber()
          return isFinal({ context, snapshot: { block: head } } as unknown as Step, block)
        }
        const numberOf = async (tag: string) => (await chain.provider.getBlock(tag))?.number ?? 0
        const pause = () => new Promise((resolve) => setTimeout(resolve, 500))
        // Not the genesis block, which is final from the start.
        while ((await numberOf('latest')) < 2) await pause()
        // Past the block that is final by a few; of geth's development chain, each block is safe at once.
        if (finality === 'finalized') {
          while ((await numberOf('latest')) < (await numberOf(finality)) + 3) await pause()
        }
        const block = await numberOf('latest')
        if (finality === 'finalized') expect(await look(block)).to.equal(false)
        while (!(await look(block))) await pause()
        expect(await numberOf(finality)).to.be.at.least(block)
      })
    }
  })
}
