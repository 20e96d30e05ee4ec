// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator and a member type, against a node that runs in its own process.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Contract, encryptKeystoreJson, JsonRpcProvider, JsonRpcSigner, toBeHex, Wallet, ZeroHash } from 'ethers'
import { contractInterface } from '../../../keepers/chain/artifacts.ts'
import { freePort } from '../../../scripts/demo/ports.ts'
import { commandIn } from '../../commands/command-line.ts'
import type { Run } from '../../commands/run-here.ts'
import { FlakyEndpoint } from '../../keepers/chain/proxy.ts'

const HARDHAT = 'node_modules/hardhat/dist/src/cli.js'
const PASSPHRASE = 'correct horse'
/** Longer than any machine needs for the steps in between; the node's clock is moved to its end. */
const VOTE_SECONDS = 3_600

describe('on a fresh local node', function () {
  this.timeout(240_000)
  let node: ChildProcess
  let folder: string
  let url: string
  let provider: JsonRpcProvider

  const hardhat = async (args: string[]): Promise<Run> =>
    await new Promise((resolve) => {
      const options = { env: { ...process.env, COHORT_LOCALHOST_RPC_URL: url } }
      const child = execFile(process.execPath, [HARDHAT, ...args], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (child.exitCode ?? 1), stdout, stderr })
      })
    })
  const daoIn = async (environment: Record<string, string>, ...args: string[]) =>
    await commandIn(
      { COHORT_RPC_URL: url, COHORT_DEPLOYMENT: join(folder, 'addresses.json'), ...environment },
      ...['dao', ...args],
    )
  const dao = async (...args: string[]) => await daoIn({}, ...args)
  const daoJson = async (...args: string[]) => {
    const { code, stdout, stderr } = await dao(...args, '--json')
    expect(code, stderr).to.equal(0)
    return JSON.parse(stdout)
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-live-'))
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    node = spawn(process.execPath, [HARDHAT, 'node', '--port', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] })
    await new Promise<void>((resolve, reject) => {
      let output = ''
      const read = (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('Started HTTP')) resolve()
      }
      node.stdout?.on('data', read)
      node.stderr?.on('data', read)
      node.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${output}`)))
    })
    provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 })
  })

  after(async () => {
    provider?.destroy()
    if (node !== undefined && node.exitCode === null) {
      const gone = new Promise((resolve) => node.once('exit', resolve))
      node.removeAllListeners('error')
      node.kill()
      await gone
    }
    await rm(folder, { recursive: true, force: true })
  })

  it('deploys by one command, and again without a transaction', async () => {
    const parameters = JSON.parse(await readFile('deploy/parameters/localhost.json', 'utf8'))
    parameters.governor = {
      ...parameters.governor,
      votingDelaySeconds: 1,
      votingPeriodSeconds: VOTE_SECONDS,
      voteExtensionSeconds: 1,
    }
    parameters.timelock.delaySeconds = 1
    // A vote may be long on a slow machine; disputes must leave the time for one.
    parameters.markets.fallbackDelaySeconds = 2 * VOTE_SECONDS
    await writeFile(join(folder, 'parameters.json'), JSON.stringify(parameters))
    const args = ['deploy', '--parameters', join(folder, 'parameters.json'), '--state', join(folder, 'state')]
    const places = [...args, '--addresses', join(folder, 'addresses.json')]
    const first = await hardhat(places)
    expect(first.code, first.stderr).to.equal(0)
    expect(first.stdout).to.match(/Every role is with the timelock and the deployer holds none: checked\./)
    expect(first.stderr).to.match(/✔ Cohort#createService/)
    // An idle node mines empty blocks as time passes; the deployer's nonce stands still.
    const deployer = await provider.getSigner()
    const sent = await deployer.getNonce()
    expect(sent).to.be.greaterThan(0)
    const second = await hardhat([...places, '--network', 'localhost', '--json'])
    expect(second.code, second.stderr).to.equal(0)
    expect(await deployer.getNonce()).to.equal(sent)
    const printed = JSON.parse(second.stdout.slice(second.stdout.indexOf('{')))
    expect(printed).to.deep.equal(JSON.parse(await readFile(join(folder, 'addresses.json'), 'utf8')))
    expect(printed.services).to.have.length(1)
  })

  it('reports a mistake in the parameters in one line', async () => {
    await writeFile(join(folder, 'bad.json'), '{"token": {}}')
    const { code, stderr, stdout } = await hardhat(['deploy', '--parameters', join(folder, 'bad.json')])
    expect(code).to.not.equal(0)
    expect(stdout + stderr).to.match(/bad\.json: token\.holders/)
    expect(stdout + stderr).to.not.match(/report/)
  })

  it('releases a model from the command line', async () => {
    const deployment = JSON.parse(await readFile(join(folder, 'addresses.json'), 'utf8'))
    const { AdoptedModel: service, TimelockController } = deployment.contracts
    // What an earlier vote of the DAO would do.
    await provider.send('hardhat_impersonateAccount', [TimelockController])
    await provider.send('hardhat_setBalance', [TimelockController, '0xde0b6b3a7640000'])
    const adopted = new Contract(
      service,
      contractInterface('AdoptedModel'),
      new JsonRpcSigner(provider, TimelockController),
    )
    await (await adopted.getFunction('adopt')(toBeHex(7, 32), `0x01551220${'12'.repeat(32)}`)).wait()

    const wallet = Wallet.createRandom()
    await writeFile(
      join(folder, 'key.json'),
      await encryptKeystoreJson({ address: wallet.address, privateKey: wallet.privateKey }, PASSPHRASE, {
        scrypt: { N: 1024, r: 8, p: 1 },
      }),
    )
    await writeFile(join(folder, 'passphrase'), `${PASSPHRASE}\n`)
    await provider.send('hardhat_setBalance', [wallet.address, '0xde0b6b3a7640000'])
    const token = new Contract(
      deployment.contracts.CohortToken,
      contractInterface('CohortToken'),
      await provider.getSigner(0),
    )
    await (await token.getFunction('transfer')(wallet.address, 300_000n * 10n ** 18n)).wait()
    const member = ['--keystore', join(folder, 'key.json'), '--passphrase-file', join(folder, 'passphrase')]

    expect((await daoJson('delegate', ...member)).votes).to.equal(String(300_000n * 10n ** 18n))
    const quiet = await dao('propose-release', '1', '--service', service, '--quiet', ...member)
    expect(quiet.stdout, quiet.stderr).to.match(/^\d+\n$/)
    const id = quiet.stdout.trim()
    const [{ actions }] = (await daoJson('status', '--proposal', id)).proposals
    expect(actions).to.deep.equal([`ModelRegistry.release(${service}, 1)`])
    const early = await dao('queue', id, '--account', '1')
    expect([early.code, early.stderr]).to.deep.equal([1, early.stderr])
    expect(early.stderr).to.match(/^cohort: proposal \d+ is (pending|active), not succeeded/)
    const vote = await dao('vote', id, '--support', 'for', '--wait', ...member)
    expect(vote.stdout, vote.stderr).to.equal('Voted for with 300,000 votes.\n')
    await provider.send('evm_increaseTime', [VOTE_SECONDS])
    await provider.send('evm_mine', [])
    // A node that estimates as of its latest block refuses at first what the time has come for.
    const tooEarly = contractInterface('CohortGovernor').encodeErrorResult('GovernorUnexpectedProposalState', [
      id,
      1,
      ZeroHash,
    ])
    const node = await FlakyEndpoint.start(url)
    let refusals = 2
    node.intercept = (method) => {
      if (method !== 'eth_estimateGas' || refusals === 0) return null
      refusals -= 1
      return { error: { code: 3, message: 'execution reverted', data: tooEarly } }
    }
    expect((await daoJson('queue', id, '--wait', '--account', '1', '--rpc', node.url)).state).to.equal('queued')
    expect(refusals).to.equal(0)
    await node.stop()
    expect((await daoJson('execute', id, '--wait', '--account', '1')).state).to.equal('executed')
    const status = await daoJson('status', '--service', service, '--account', '0')
    expect(status.services[0].current).to.equal(1)
    expect(status.proposals[0].state).to.equal('executed')
    expect((await dao('status', '--service', service)).stdout).to.match(/version 1 is released/)
    expect((await dao('status', '--proposal', id)).stdout).to.include('ModelRegistry.release')
  })

  it('refuses wrong accounts, passphrases and endpoints in one line', async () => {
    const key = join(folder, 'key.json')
    const cases: [args: string[], env: Record<string, string>, code: number, expected: RegExp][] = [
      [['delegate', '--keystore', key], { COHORT_PASSPHRASE: 'wrong' }, 77, /the passphrase does not open/],
      [['delegate', '--keystore', join(folder, 'none')], {}, 66, /cannot read the keystore/],
      [['delegate', '--keystore', join(folder, 'addresses.json')], {}, 65, /not an Ethereum keystore/],
      [['delegate', '--keystore', key], {}, 64, /set COHORT_PASSPHRASE/],
      [['delegate', '--keystore', key, '--account', '0'], {}, 64, /give one of/],
      [['delegate', '--account', '99'], {}, 64, /the node holds \d+ accounts/],
      [['delegate'], {}, 64, /this needs an account/],
      [['propose-release', '9', '--account', '0'], {}, 1, /has versions 1 to 0, not 9/],
      [['status', '--rpc', 'http://127.0.0.1:1/secret-key'], {}, 69, /answers at http:\/\/127\.0\.0\.1:1:/],
      [['status', '--deployment', join(folder, 'none')], {}, 66, /run `npx hardhat deploy`/],
    ]
    const check = async ([args, env, code, expected]: (typeof cases)[number]) => {
      const outcome = await daoIn(env, ...args)
      expect(outcome.stderr, args.join(' ')).to.match(expected)
      expect(outcome.stderr.trim().split('\n'), args.join(' ')).to.have.length(1)
      expect(outcome.code, args.join(' ')).to.equal(code)
      expect(outcome.stderr).to.not.include('secret-key')
    }
    await Promise.all(cases.map(check))
  })
})
