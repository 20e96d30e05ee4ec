// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers whose operators own no coins, and a relayer that sends what they sign: all of them processes of their own.
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { contractInterface, PASSPHRASE_VARIABLE, writeKeystore } from '../../keepers/chain/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster } from '../../scripts/cluster.ts'
import { accountKey } from '../../scripts/demo/accounts.ts'
import { freePort } from '../../scripts/demo/ports.ts'

describe('keepers without coins', function () {
  this.timeout(600_000)
  let cluster: Cluster
  let port: number
  const events: Record<string, unknown>[] = []

  before(async () => {
    port = await freePort()
    cluster = await Cluster.create({
      keepers: 3,
      windows: {
        keyWindow: 400,
        trainingWindow: 300,
        revealWindow: 200,
        aggregateWindow: 200,
        decryptWindow: 200,
        voteWindow: 200,
      },
      // Nobody listens at the first.
      values: () => ({ relay: { urls: ['http://127.0.0.1:1', `http://127.0.0.1:${port}`], patienceSeconds: 30 } }),
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  it('complete a round by way of a relayer, which sends their steps together', async () => {
    const operators = cluster.nodes.map(({ operator }) => operator)
    for (const operator of operators) await cluster.provider.send('hardhat_setBalance', [operator, '0x0'])
    const keystore = join(cluster.folder, 'relayer.json')
    const payer = new Wallet(accountKey(19))
    await writeKeystore(keystore, payer, 'relayer', { scryptN: 4096 })
    await cluster.provider.send('hardhat_setBalance', [payer.address, '0x56bc75e2d63100000'])
    const { chainId } = await cluster.provider.getNetwork()
    cluster.processes.start(
      'relayer',
      [
        join(ROOT, 'keepers/cli/main.ts'),
        ...['relay', '--service', cluster.service, '--chain-id', String(chainId), '--rpc', cluster.url],
        ...['--keystore', keystore, '--data', join(cluster.folder, 'relay'), '--port', String(port)],
        ...['--wait-seconds', '1', '--json'],
      ],
      {
        cwd: ROOT,
        env: { [PASSPHRASE_VARIABLE]: 'relayer' },
        onLine: (line) => events.push(JSON.parse(line) as Record<string, unknown>),
      },
    )
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 1, 400_000)))

    const said = await cluster.events()
    expect(said.filter(({ name }) => ['Penalised', 'Dropped', 'StruckOut'].includes(name))).to.deep.equal([])
    for (const operator of operators) {
      expect(await cluster.provider.getTransactionCount(operator), operator).to.equal(0)
      expect(await cluster.provider.getBalance(operator), operator).to.equal(0n)
    }
    // Each keeper has a new key for the next epoch, too.
    const keys = contractInterface('KeeperRegistry').getEvent('EncryptionKeyChanged')!.topicHash
    const changed = await cluster.provider.getLogs({ address: cluster.registry, topics: [keys], fromBlock: 0 })
    expect(changed.length).to.be.at.least(cluster.nodes.length)
    const together = events.filter(({ event, calls }) => event === 'confirmed' && Number(calls) > 1)
    expect(together.length, JSON.stringify(events.slice(-20))).to.be.at.least(3)
  })
})
