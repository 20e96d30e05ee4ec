// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator types before a keeper runs: init from a deployment's file, register, status.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { loadConfig } from '../../keepers/agent/index.ts'
import { Cluster } from '../../scripts/cluster.ts'
import { deploymentPath } from '../../scripts/demo/deployment.ts'

const MAIN = fileURLToPath(new URL('../../keepers/cli/main.ts', import.meta.url))
const PASSPHRASE = 'worthless, and of this test only'
/** A DAO member of the local chain: it holds tokens that it can stake. */
const OWNER = '2'

type Outcome = { readonly code: number; readonly output: string; readonly error: string }

function keeper(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, COHORT_PASSPHRASE: PASSPHRASE }
    const child = execFile(
      process.execPath,
      [MAIN, 'keeper', ...args],
      { env, timeout: 90_000 },
      (_, output, error) => {
        resolve({ code: child.exitCode ?? -1, output, error: error.replace(/^.*Warning.*\n|^\(Use .*\n/gm, '') })
      },
    )
  })
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

  it('makes a data folder for the service that the deployment file names', async () => {
    const { code, error } = await keeper('init', '--data', folder, '--deployment', deployment, '--rpc', cluster.url)
    expect(code, error).to.equal(0)
    const { chain, service } = loadConfig(folder)
    const written = JSON.parse(readFileSync(deployment, 'utf8'))
    expect(service.address).to.equal(cluster.service)
    expect([chain.id, chain.fromBlock, chain.rpc]).to.deep.equal([31337, written.fromBlock, [cluster.url]])
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
  })

  it('is told in one line which options do not go together', async () => {
    const other = join(cluster.folder, 'other')
    const several = join(cluster.folder, 'several.json')
    const written = JSON.parse(readFileSync(deployment, 'utf8'))
    const [service] = written.services
    writeFileSync(several, JSON.stringify({ ...written, services: [service, { ...service, name: 'Another' }] }))
    const init = ['init', '--data', other, '--rpc', cluster.url]
    const cases: readonly [args: readonly string[], code: number, message: RegExp][] = [
      [init, 64, /give --deployment FILE, or both --service and --chain-id/],
      [[...init, '--service', cluster.service], 64, /give --deployment FILE/],
      [[...init, '--deployment', join(cluster.folder, 'none')], 66, /no deployment at .*none/],
      [[...init, '--deployment', join(folder, 'keeper.yaml')], 65, /keeper\.yaml is not a deployment file/],
      [[...init, '--deployment', several], 64, /say which with --service: .* 'MNIST digits' at 0x.*, 'Another' at 0x/],
      [
        [...init, '--deployment', deployment, '--set', 'training.epochs'],
        64,
        /--set training\.epochs: takes key=value/,
      ],
      [['register', '--data', folder, '--account', '99'], 64, /--account 99: the node holds \d+ accounts unlocked/],
      [['claim', '--data', folder, '--account', '2', '--owner', 'x.json'], 64, /give --owner or --account, not both/],
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
})
