// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that change while rounds go on: operators rotate, to a remote signer too, and a keeper is lost and comes back from its backup.
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { heldEncryptionKeys } from '../../keepers/agent/encryption-keys.ts'
import { loadConfig, operatorAddress } from '../../keepers/agent/index.ts'
import { hasSeat } from '../../keepers/chain/seats.ts'
import { KeeperStore } from '../../keepers/store/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { HostileSigner } from '../keepers/chain/hostile-signer.ts'

describe('keepers whose keys change', function () {
  this.timeout(1_200_000)
  let cluster: Cluster
  let signer: HostileSigner
  const remote = Wallet.createRandom() as unknown as Wallet

  before(async () => {
    signer = await HostileSigner.start(remote)
    cluster = await Cluster.create({
      keepers: 4,
      pace: 'punctual',
      windows: {
        registrationWindow: 20,
        keyWindow: 120,
        trainingWindow: 120,
        revealWindow: 120,
        aggregateWindow: 120,
        decryptWindow: 120,
        voteWindow: 60,
      },
      service: { decryptionsPerEpoch: 4 },
      manifest: clusterManifest('logistic'),
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await signer?.stop()
  })

  const cohort = async (node: KeeperNode, ...args: string[]): Promise<Record<string, any>> => {
    const command = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', ...args, '--data', node.folder, '--json']
    const env = { ...process.env, ...keeperEnvironment() }
    return JSON.parse((await promisify(execFile)(process.execPath, command, { env })).stdout)
  }
  const named = async (...names: string[]) => (await cluster.events()).filter(({ name }) => names.includes(name))
  const lastRound = (): number =>
    Math.max(0, ...cluster.lines.filter(({ event }) => event === 'model accepted').map(({ round }) => Number(round)))
  /** Two more rounds with all of them in it. */
  const goOn = async (): Promise<void> => {
    const round = lastRound() + 2
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 600_000)))
  }
  const stepsOf = (node: KeeperNode) =>
    cluster.lines.filter(({ node: name, event }) => name === node.name && event === 'acted').length

  it('rotates two operators during rounds, one to a remote signer, and loses no round', async () => {
    const [a, b] = cluster.nodes as [KeeperNode, KeeperNode]
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 1, 600_000)))
    const running = await cohort(a, 'rotate').catch((error: { stderr: string }) => error.stderr)
    expect(running).to.match(/in use by a running keeper/)
    for (const [node, ...args] of [[a], [b, '--remote-signer', signer.url, '--operator', remote.address]] as const) {
      expect(await cluster.stop(node)).to.equal(0)
      const { before, operator } = await cohort(node, 'rotate', '--fund', '1', ...args)
      expect(before).to.equal(node.operator)
      expect(operatorAddress(loadConfig(node.folder).keys)).to.equal(operator)
      const steps = stepsOf(node)
      cluster.start(node)
      await goOn()
      expect(stepsOf(node)).to.be.above(steps + 2)
      const sent = await cluster.provider.getTransactionCount(operator)
      expect(sent, `transactions of ${operator}`).to.be.above(2)
      const idle = await cluster.provider.getTransactionCount(before)
      await goOn()
      expect(await cluster.provider.getTransactionCount(before), 'the old key sends nothing').to.equal(idle)
    }
    expect(signer.asked.filter((method) => method === 'account_signTransaction').length).to.be.above(4)
    expect(await named('UpdateIncomplete', 'Penalised', 'Dropped', 'StruckOut')).to.deep.equal([])
    for (const { args } of await named('MembersDrafted')) {
      for (const { seat } of cluster.nodes)
        expect(hasSeat(args.included as bigint, seat), `round ${args.round}`).to.equal(true)
    }
  })

  it('brings a lost keeper back from a backup of while it ran, which does nothing twice and takes part again', async () => {
    const [, , , d] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode]
    const file = join(cluster.folder, 'd.backup.json')
    const backup = await cohort(d, 'backup', '--out', file)
    expect(backup.claims).to.be.above(0)
    await goOn()
    // Restored while it runs, it ends itself: the peer answers at its address.
    const twin: KeeperNode = { ...d, name: 'twin', folder: join(cluster.folder, 'twin') }
    await cohort(twin, 'restore', file)
    const child = promisify(execFile)(
      process.execPath,
      [join(ROOT, 'keepers/cli/main.ts'), 'keeper', 'run', '--data', twin.folder],
      {
        env: { ...process.env, ...keeperEnvironment() },
      },
    )
    expect(await child.catch((error: { code: number }) => error.code)).to.equal(77)

    const record = join(cluster.folder, 'd.protection.json')
    await cohort(d, 'protection', 'export', '--out', record)
    await cluster.kill(d)
    rmSync(d.folder, { recursive: true })
    const restored = await cohort(d, 'restore', file, '--protection', record)
    expect(restored.claims).to.be.at.least(backup.claims)
    const { round } = (await named('UpdateCompleted')).at(-1)!.args
    cluster.start(d)
    const back = await cluster.event(
      'round with the restored keeper',
      ({ name, args }) =>
        name === 'MembersDrafted' && Number(args.round) > Number(round) + 1 && hasSeat(args.included as bigint, d.seat),
      900_000,
    )
    await cluster.accepted(d, Number(back.args.round), 600_000)
    // One commitment and one share a round, ever, of each seat.
    for (const name of ['UpdateCommitted', 'ShareSubmitted']) {
      const acts = (await named(name)).map(({ args }) => `${args.round} ${args.seat}`)
      expect(acts.length).to.be.above(0)
      expect(new Set(acts).size, name).to.equal(acts.length)
    }
    expect(
      (await named('Dropped', 'StruckOut')).map(({ args }) => Number(args.seat)).filter((seat) => seat !== d.seat),
    ).to.deep.equal([])
    await cluster.stop(d)
    const config = loadConfig(d.folder)
    const binding = { chainId: BigInt(config.chain.id), service: config.service.address, operator: d.operator }
    const store = KeeperStore.open({ folder: d.folder, passphrase: keeperEnvironment().COHORT_PASSPHRASE!, binding })
    expect(heldEncryptionKeys(store).length).to.be.above(0)
    store.close()
  })
})
