// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator types before a keeper runs: init from a deployment's file, register, status; and what keeps a keeper from running.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadConfig } from '../../keepers/agent/index.ts'
import { encodeManifest } from '../../keepers/versions/index.ts'
import { Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { deploymentPath } from '../../scripts/demo/deployment.ts'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'
import { commandIn } from '../commands/command-line.ts'
import { itRefusesBadInput } from './bad-input.ts'

const PASSPHRASE = 'worthless, and of this test only'
/** A DAO member of the local chain: it holds tokens that it can stake. */
const OWNER = '2'

type Outcome = { readonly code: number; readonly output: string; readonly error: string }

type Found = { readonly name: string; readonly verdict: string }

const keeper = (...args: readonly string[]): Promise<Outcome> => cohort('keeper', ...args)
const doctor = (...args: readonly string[]): Promise<Outcome> => cohort('doctor', ...args)

async function cohort(...args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await commandIn({ COHORT_PASSPHRASE: PASSPHRASE }, ...args)
  return { code, output: stdout, error: stderr.replace(/^.*Warning.*\n|^\(Use .*\n/gm, '') }
}

describe('an operator', function () {
  this.timeout(300_000)
  let cluster: Cluster
  let deployment: string
  let folder: string

  before(async () => {
    // One seat is left, so registration stays open.
    cluster = await Cluster.create({ keepers: 3, later: 1 })
    deployment = deploymentPath(cluster.folder)
    folder = join(cluster.folder, 'newcomer')
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  it('makes no folder without the manifest that the chain names, or with another', async () => {
    const init = ['init', '--data', folder, '--deployment', deployment, '--rpc', cluster.url]
    const none = await keeper(...init)
    expect(none.error).to.match(/no keeper of the service serves its manifest 0x[0-9a-f]{64} .*give it with --manifest/)
    expect(none.code).to.equal(78)
    const other = await keeper(...init, '--manifest', 'mlp')
    expect(other.error).to.match(/the manifest given is 0x[0-9a-f]{64}, the service's is 0x[0-9a-f]{64}: leave it out/)
    expect(other.code).to.equal(78)
    expect(existsSync(folder)).to.equal(false)
  })

  it('makes a data folder from the address of the service alone: the manifest comes from a keeper', async () => {
    const [first] = cluster.nodes as [KeeperNode]
    cluster.start(first)
    await cluster.line('start', ({ event, node }) => event === 'started' && node === first.name)
    const alone = join(cluster.folder, 'alone')
    const made = await keeper('init', '--data', alone, '--service', cluster.service, '--rpc', cluster.url)
    expect(made.code, made.error).to.equal(0)
    const config = loadConfig(alone)
    expect(config.service.manifest).to.deep.equal(clusterManifest('small-cnn'))
    expect(config.chain.id).to.equal(31337)
    const code = await cluster.provider.getCode(cluster.service, config.chain.fromBlock)
    expect([
      code.length > 2,
      await cluster.provider.getCode(cluster.service, config.chain.fromBlock - 1),
    ]).to.deep.equal([true, '0x'])
  })

  it('makes a data folder for the service that the deployment file names', async () => {
    const { code, error } = await keeper('init', '--data', folder, '--deployment', deployment, '--rpc', cluster.url)
    expect(code, error).to.equal(0)
    const { chain, service } = loadConfig(folder)
    const written = JSON.parse(readFileSync(deployment, 'utf8'))
    expect(service.address).to.equal(cluster.service)
    expect([chain.id, chain.fromBlock, chain.rpc]).to.deep.equal([31337, written.fromBlock, [cluster.url]])
  })

  it('is told what is missing, with the fix of each', async () => {
    const { code, output, error } = await doctor('--data', folder, '--json')
    expect(code, error).to.equal(1)
    expect(error).to.match(/^cohort: \d of 11 checks failed\n$/)
    const { healthy, checks } = JSON.parse(output)
    expect(healthy).to.equal(false)
    // Ports are the machine's, and others may have them while this test runs.
    const named = (verdict: string): string[] =>
      checks.filter((one: Found) => one.verdict === verdict && one.name !== 'port').map((one: Found) => one.name)
    expect(named('fail')).to.deep.equal(['funds', 'registration'])
    expect(named('warn')).to.deep.equal(['data'])
    expect(named('ok')).to.have.members(['config', 'keys', 'disk', 'rpc', 'clock', 'manifest'])
  })

  it('refuses to run with another manifest, says so in status, and takes the right one back', async () => {
    const file = join(folder, 'manifest.json')
    writeFileSync(file, encodeManifest(clusterManifest('small-cnn', { rounds: { clipNorm: 21 } })))
    const run = await keeper('run', '--data', folder)
    expect(run.error).to.match(/this keeper's manifest is 0x.*, the service's is 0x.*: run `cohort keeper manifest`/)
    expect(run.code).to.equal(78)
    const register = await keeper('register', '--data', folder, '--account', OWNER, '--stake', '1000')
    expect([register.code, register.error]).to.deep.equal([78, run.error])
    const status = JSON.parse((await keeper('status', '--data', folder, '--json')).output)
    expect(status).to.include({ member: false })
    expect(status.notMember).to.match(/this keeper's manifest is 0x.*: run `cohort keeper manifest`/)
    const told = await doctor('--data', folder)
    expect(told.output).to.match(/FAIL {2}manifest .*\n *→ run `cohort keeper manifest`/)
    const renewed = await keeper('manifest', '--data', folder, '--json')
    expect(JSON.parse(renewed.output), renewed.error).to.deep.equal({ manifest: file, renewed: true })
    expect(loadConfig(folder).service.manifest).to.deep.equal(clusterManifest('small-cnn'))
  })

  it('registers with an unlocked account as owner, and takes a seat', async () => {
    const args = ['--data', folder, '--account', OWNER, '--stake', '1000', '--fund', '0.2', '--json']
    const first = await keeper('register', ...args)
    expect(first.code, first.error).to.equal(0)
    const owner = await (await cluster.provider.getSigner(Number(OWNER))).getAddress()
    expect(JSON.parse(first.output)).to.include({ owner })
    const again = await keeper('register', ...args)
    expect(JSON.parse(again.output), again.error).to.deep.equal(JSON.parse(first.output))
    const status = JSON.parse((await keeper('status', '--data', folder, '--json')).output)
    expect(status).to.include({ owner, seat: 3, stake: '1000.0', gasBalance: '0.2', process: null })
    const well = await doctor('--data', folder)
    expect(well.output.replaceAll(/FAIL {2}port/g, '')).not.to.contain('FAIL')
    expect(well.output).to.match(/ok {4}registration owner 0x\w+, stake 1000\.0, seat 3/)
  })

  it('is told in one line which options do not go together', async () => {
    const other = join(cluster.folder, 'other')
    const several = join(cluster.folder, 'several.json')
    const written = JSON.parse(readFileSync(deployment, 'utf8'))
    const [service] = written.services
    writeFileSync(several, JSON.stringify({ ...written, services: [service, { ...service, name: 'Another' }] }))
    const init = ['init', '--data', other, '--rpc', cluster.url]
    const cases: readonly [args: readonly string[], code: number, message: RegExp][] = [
      [init, 64, /give --service, or --deployment FILE/],
      [[...init, '--deployment', join(cluster.folder, 'none')], 66, /no deployment at .*none/],
      [[...init, '--deployment', join(folder, 'keeper.yaml')], 65, /keeper\.yaml is not a deployment file/],
      [[...init, '--deployment', several], 64, /say which with --service: .* 'MNIST digits' at 0x.*, 'Another' at 0x/],
      [
        [...init, '--deployment', deployment, '--set', 'training.epochs'],
        64,
        /--set training\.epochs: takes key=value/,
      ],
      [['register', '--data', folder, '--account', '99'], 64, /--account 99: the node holds \d+ accounts unlocked/],
      [['claim', '--data', folder, '--account', '2', '--owner', 'x.json'], 64, /give one of --owner, --account/],
    ]
    const check = async ([args, code, message]: (typeof cases)[number]) => {
      const outcome = await keeper(...args)
      expect(outcome.error, args.join(' ')).to.match(message)
      expect(outcome.error.trim().split('\n'), args.join(' ')).to.have.length(1)
      expect(outcome.code, args.join(' ')).to.equal(code)
    }
    await Promise.all(cases.map(check))
    expect(existsSync(other), 'bad input changes nothing').to.equal(false)
  })

  describe('whose input is bad', () => {
    itRefusesBadInput(
      () => cluster,
      ({ nodes }) => nodes[1]!,
    )
  })
})
