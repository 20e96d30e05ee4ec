// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { initKeeper } from '../../keepers/agent/index.ts'
import { type Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { commandIn } from '../commands/command-line.ts'

const PASSPHRASE = keeperEnvironment().COHORT_PASSPHRASE!

/** Runs `cohort keeper <command>` and returns its exit code and what it wrote to standard error. */
async function cohort(args: readonly string[], passphrase = PASSPHRASE): Promise<{ code: number; error: string }> {
  const { code, stderr } = await commandIn({ COHORT_PASSPHRASE: passphrase }, 'keeper', ...args)
  return { code, error: stderr.replace(/^.*Warning.*\n|^\(Use .*\n/gm, '') }
}

/** The tests of a keeper that cannot start. The last moves the chain's clock. @param nodeOf a node that has a seat and never ran */
export function itRefusesBadInput(clusterOf: () => Cluster, nodeOf: (cluster: Cluster) => KeeperNode): void {
  let cluster: Cluster
  let node: KeeperNode
  let folders = 0

  before(() => {
    cluster = clusterOf()
    node = nodeOf(cluster)
  })

  async function fresh(values: Record<string, unknown>): Promise<{ folder: string; operator: string }> {
    const folder = join(cluster.folder, `bad-${folders++}`)
    const { operator } = await initKeeper({
      folder,
      passphrase: PASSPHRASE,
      scryptLog2N: 10,
      manifest: clusterManifest('small-cnn'),
      values: {
        'chain.id': 31337,
        'chain.rpc': [cluster.url],
        'chain.patienceSeconds': 2,
        'service.address': cluster.service,
        'monitoring.port': 0,
        'data.limit': 50,
        ...values,
      },
    })
    return { folder, operator }
  }

  async function refused(folder: string, code: number, message: RegExp, passphrase?: string): Promise<void> {
    const result = await cohort(['run', '--data', folder], passphrase)
    expect(result.error).to.match(message)
    expect(result.error.trim().split('\n'), result.error).to.have.length(1)
    expect(result.code).to.equal(code)
    expect(result.error).not.to.contain(PASSPHRASE)
  }

  it('says which folder has no keeper', () => refused(join(cluster.folder, 'none'), 78, /cohort keeper init/))

  it('says that the passphrase is wrong', async () => {
    await refused(node.folder, 77, /passphrase does not open .*operator\.json/, 'not this one')
  })

  it('names a config key that is misspelt', async () => {
    const { folder } = await fresh({})
    const file = join(folder, 'keeper.yaml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('maxFeeGwei', 'maxFeeGwie'))
    await refused(folder, 78, /unknown key "chain\.maxFeeGwie"/)
  })

  it('names the chain that an endpoint is on', async () => {
    const { folder } = await fresh({ 'chain.id': 5 })
    await refused(folder, 78, /is on chain 31337, expected 5: correct chain\.rpc or chain\.id/)
  })

  it('says that no endpoint answers', async () => {
    const { folder } = await fresh({ 'chain.rpc': ['http://127.0.0.1:9'] })
    await refused(folder, 69, /no RPC endpoint answered/)
  })

  it('tells a contract that is another one from an address without code', async () => {
    const other = await fresh({ 'service.address': cluster.registry })
    await refused(other.folder, 78, /is not a learning service: correct service\.address/)
    const none = await fresh({ 'service.address': '0x000000000000000000000000000000000000dEaD' })
    await refused(none.folder, 78, /has no code on this chain/)
  })

  it('says that the operator has no funds, then that it is not registered', async () => {
    const { folder, operator } = await fresh({})
    await refused(folder, 75, new RegExp(`${operator} has no funds for gas`))
    const signer = await cluster.provider.getSigner(0)
    await (await signer.sendTransaction({ to: operator, value: 10n ** 18n })).wait()
    await refused(folder, 78, /acts for no registered keeper: run `cohort keeper register`/)
  })

  it('refuses the data folder of another service', async () => {
    const { folder } = await fresh({})
    const file = join(folder, 'keeper.yaml')
    writeFileSync(file, readFileSync(file, 'utf8').replace(cluster.service, cluster.registry))
    await refused(folder, 78, /belongs to service 0x[0-9a-f]{40}, not 0x/)
  })

  it('refuses data that cannot be used', async () => {
    const file = join(node.folder, 'keeper.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('source: digits', 'source: digits\n  path: /nonexistent'))
    await refused(node.folder, 65, /data: .*nonexistent/)
    writeFileSync(file, text)
  })

  it('refuses a clock that is behind the chain', async function () {
    // Of the clients of others, not all have a clock that can be set.
    if ((process.env.COHORT_CHAIN_CLIENT ?? 'hardhat') !== 'hardhat') this.skip()
    await cluster.provider.send('evm_increaseTime', [3_600])
    await cluster.provider.send('evm_mine', [])
    await refused(node.folder, 78, /clock is \d+ s behind the chain: synchronise it/)
  })
}
