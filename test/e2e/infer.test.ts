// SPDX-License-Identifier: GPL-3.0-or-later
// Asking and answering from the command line: every step is a `cohort infer` command against a real chain, and the
// deployed hub and verifier decide.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Contract, JsonRpcSigner, toBeHex, ZeroHash } from 'ethers'
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import { contractInterface } from '../../keepers/chain/index.ts'
import { calibrate, compileFolder, encodeInput, interpret, setupFolder } from '../../keepers/zkml/index.ts'
import { predicted } from '../../keepers/zkml/quantise/accuracy.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { deploy, deploymentPath } from '../../scripts/demo/deployment.ts'
import { type LocalChain, startLocalChain } from '../../scripts/demo/local-chain.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import { commandIn } from '../commands/command-line.ts'
import { FlakyEndpoint } from '../keepers/chain/proxy.ts'
import { twoLayers } from '../keepers/zkml/quantise/networks.ts'
import { Random } from '../keepers/zkml/random.ts'

const CLI = join(ROOT, 'keepers/cli/main.ts')
const CID = `0x01551220${'34'.repeat(32)}`

describe('cohort infer', function () {
  this.timeout(600_000)
  let folder: string
  let processes: Processes
  let chain: LocalChain
  let deployment: DeploymentFile
  let circuit: string
  let expected: number
  const input = [0.1, 0.9, 0.3, 0.5, 0.7, 0.2]

  const environment = () => ({ COHORT_RPC_URL: chain.url, COHORT_DEPLOYMENT: deploymentPath(folder) })
  const infer = (...args: string[]) => commandIn(environment(), 'infer', ...args)
  const inferJson = async (...args: string[]) => {
    const { code, stdout, stderr } = await infer(...args, '--json')
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return JSON.parse(stdout)
  }
  /** The verifier of a key, deployed as anybody would. */
  const deployed = async (folder: string): Promise<{ address: string; vkHash: string }> => {
    const args = ['dao', 'deploy-verifier', folder, '--account', '0', '--json']
    const { code, stdout, stderr } = await commandIn(environment(), ...args)
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout)
  }
  /** A contract that the timelock sends to: what a vote of the DAO would do. */
  const actingAs = async (account: string, name: 'AdoptedModel' | 'ModelRegistry' | 'VerifierRegistry') => {
    await chain.provider.send('hardhat_impersonateAccount', [account])
    await chain.provider.send('hardhat_setBalance', [account, '0xde0b6b3a7640000'])
    const signer = new JsonRpcSigner(chain.provider, account)
    return new Contract(deployment.contracts[name], contractInterface(name), signer)
  }
  const ask = (...more: string[]) =>
    inferJson(
      ...['request', '--model-id', '1', '--circuit', circuit, '--input', join(folder, 'input.json')],
      ...['--price', '0.25', '--account', '3', ...more],
    )

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-infer-'))
    processes = new Processes(folder)
    chain = await startLocalChain(processes, { pace: 'hasty' })
    deployment = await deploy(
      chain.url,
      folder,
      4,
      { name: 'MNIST digits', manifest: ZeroHash },
      { open: false, inclusionSeconds: chain.inclusionSeconds },
      () => undefined,
    )

    const random = new Random(9)
    const samples = Array.from({ length: 40 }, () => Float64Array.from(random.list(6, 0, 1)))
    const { program } = calibrate(twoLayers(random, 6, 4, 3, { kind: 'relu' }), samples, { mode: 'released' })
    circuit = join(folder, 'circuit')
    const { manifest } = await compileFolder({
      folder: circuit,
      program,
      options: { input: 'committed', output: 'public' },
    })
    await setupFolder(circuit)
    expected = predicted(interpret(program, encodeInput(program, input)).scores)
    await writeFile(join(folder, 'input.json'), JSON.stringify(input))

    const { TimelockController, AdoptedModel } = deployment.contracts
    const verifier = await deployed(circuit)
    const verifiers = await actingAs(TimelockController, 'VerifierRegistry')
    await (
      await verifiers.getFunction('register')(manifest.circuitId, verifier.address, verifier.vkHash, 1, '0x')
    ).wait()
    const adopting = await actingAs(TimelockController, 'AdoptedModel')
    await (await adopting.getFunction('adopt')(toBeHex(manifest.modelCommitment, 32), CID)).wait()
    const dao = await actingAs(TimelockController, 'ModelRegistry')
    await (await dao.getFunction('release')(AdoptedModel, 1)).wait()
  })

  after(async () => {
    chain?.provider.destroy()
    await processes?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('offers a model, asks it, serves the answer and is paid', async () => {
    expect(await inferJson('models')).to.deep.equal([])
    expect(
      await inferJson('offer', '--circuit', circuit, '--service', deployment.contracts.AdoptedModel, '--account', '2'),
    ).to.deep.equal({ modelId: '1' })
    expect((await infer('models')).stdout).to.match(
      /^1 {2}0x\w+ {2}follows releases, version 1 in force; puts out: label\n$/,
    )

    const served: Record<string, unknown>[] = []
    // One endpoint is gone, the next gives ten blocks of logs at once: both are as public ones are.
    const meagre = await FlakyEndpoint.start(chain.url)
    meagre.logLimit = { blocks: 10, code: -32600, message: 'eth_getLogs requests with up to a 10 block range' }
    processes.start('serve', [CLI, 'infer', 'serve', '--circuit', circuit, '--account', '5', '--interval', '200'], {
      env: { ...environment(), COHORT_RPC_URL: `http://127.0.0.1:9,${meagre.url}` },
      onLine: (line) => served.push(JSON.parse(line)),
    })
    const answered = await ask('--wait')
    expect(answered).to.include({ status: 'fulfilled', version: '1', output: String(expected) })
    expect(served.map(({ event }) => event)).to.deep.equal(['serving', 'answered'])
    expect(served[1]).to.include({ requestId: answered.requestId, output: String(expected) })
    await processes.stop('serve')
    await meagre.stop()
    expect(Math.max(...meagre.logRanges.slice(1)), 'asked for all logs more than once').to.be.at.most(74)

    const earned = await inferJson('withdraw', '--account', '5')
    expect(earned.amount).to.equal(String(25n * 10n ** 16n))
    expect(await chain.provider.getBalance(deployment.contracts.InferenceHub)).to.equal(0n)
    expect((await infer('withdraw', '--account', '5')).stderr).to.match(/^cohort: withdraw: NothingToWithdraw\(/)
  })

  it('answers one request by its id, once', async () => {
    const { requestId } = await ask()
    expect(await inferJson('status', requestId)).to.include({ status: 'open', output: null })
    const answer = await inferJson('answer', requestId, '--circuit', circuit, '--account', '6')
    expect(answer.output).to.equal(String(expected))
    const again = await infer('answer', requestId, '--circuit', circuit, '--account', '7')
    expect([again.code, again.stderr]).to.deep.equal([1, again.stderr])
    expect(again.stderr).to.match(/^cohort: request 0x\w+ is not open any more/)
  })

  it('gives the price back when nobody answered', async () => {
    const { requestId } = await ask('--seconds', '60')
    expect((await infer('refund', requestId, '--account', '3')).stderr).to.match(/NotRefundableYet/)
    await chain.provider.send('evm_increaseTime', [120])
    await chain.provider.send('evm_mine', [])
    expect(await inferJson('status', requestId)).to.include({ status: 'expired' })
    const late = await infer('status', requestId, '--wait')
    expect([late.code, late.stderr]).to.deep.equal([69, late.stderr])
    expect(late.stderr).to.match(/is expired; `cohort infer refund` returns its price/)
    expect(await inferJson('refund', requestId, '--account', '3')).to.include({ refunded: true })
    expect((await inferJson('withdraw', '--account', '3')).amount).to.equal(String(25n * 10n ** 16n))
  })

  it('says in one line what is wrong, and leaves no request behind', async () => {
    const posted = async () => BigInt(await chain.provider.getBalance(deployment.contracts.InferenceHub))
    await writeFile(join(folder, 'short.json'), '[0.1, 0.2]')
    const asking = ['request', '--circuit', circuit, '--account', '3']
    const good = ['--input', join(folder, 'input.json')]
    const nobody = `0x${'0'.repeat(60)}dead`
    const cases: [args: string[], code: number, expected: RegExp][] = [
      [[...asking, ...good, '--model-id', '1', '--price', '0'], 1, /request: ZeroPrice\(\)/],
      [[...asking, ...good, '--model-id', '1', '--price', 'free'], 64, /--price is 'free'/],
      [[...asking, ...good, '--model-id', '9', '--price', '1'], 1, /ModelNotFound\(/],
      [
        [...asking, '--input', join(folder, 'short.json'), '--model-id', '1', '--price', '1'],
        65,
        /takes 6 input values, found 2/,
      ],
      [['request', '--circuit', circuit, ...good, '--model-id', '1', '--price', '1'], 64, /say who acts/],
      [
        ['request', '--circuit', folder, ...good, '--model-id', '1', '--price', '1'],
        1,
        /run cohort zkml compile first/,
      ],
      [['status', nobody], 65, /the hub knows no request/],
      [['answer', nobody, '--circuit', circuit, '--account', '3'], 65, /is not in the log of the hub/],
      [
        ['answer', nobody, '--circuit', circuit, '--manifest', 'gpt', '--account', '3'],
        64,
        /--manifest is 'gpt': takes a file/,
      ],
    ]
    const before = await posted()
    const check = async ([args, code, reason]: (typeof cases)[number]) => {
      const outcome = await infer(...args)
      expect(outcome.stderr, args.join(' ')).to.match(reason)
      expect(outcome.stderr.trim().split('\n'), args.join(' ')).to.have.length(1)
      expect(outcome.code, `${args.join(' ')}: ${outcome.stderr}`).to.equal(code)
    }
    await Promise.all(cases.map(check))
    expect(await posted()).to.equal(before)
  })
})
