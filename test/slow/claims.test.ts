// SPDX-License-Identifier: GPL-3.0-or-later
// Claims on record, end to end: a chain in a process of its own, real circuits, proofs and verifiers, every step a command. An honest
// claimant outlives a challenge; a liar that picked its batch loses badge and bond; an auditor chooses batches for both sides.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ContractFactory, type JsonRpcSigner, parseEther } from 'ethers'
import { clients, contractArtifact } from '../../keepers/chain/index.ts'
import { type LocalChain, startLocalChain } from '../../scripts/demo/local-chain.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import type { AdoptedModel, ModelRegistry, VerifierRegistry } from '../../types/index.ts'
import { commandIn, savePerceptron, succeed } from '../commands/command-line.ts'

const COUNT = 6
const SALT = `0x${'17'.repeat(31)}`
const CID = `0x01551220${'34'.repeat(32)}`
/** Accounts of the development node. */
const [ADMIN, OWNER, STRANGER, AUDITOR] = [0, 1, 2, 3]

describe('claims on record', function () {
  this.timeout(600_000)
  let home: string
  let processes: Processes
  let chain: LocalChain
  let registry: string
  let service: string
  let addresses: string[]
  const at = (name: string) => join(home, name)
  const inputs = Array.from({ length: COUNT }, (_, k) =>
    Array.from({ length: 4 }, (_, i) => ((i * 7 + k * 5) % 11) / 10),
  )
  /** What the network says of them (test/commands/zkml-claims.test.ts). */
  const answers = [1, 0, 0, 0, 0, 1]

  const claim = (...args: string[]) =>
    commandIn({ COHORT_RPC_URL: chain.url, COHORT_DEPLOYMENT: at('deployment.json') }, 'claim', ...args, '--json')
  const on = async (...args: string[]) => {
    const { code, stdout, stderr } = await claim(...args, '--registry', registry)
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return JSON.parse(stdout)
  }
  const as = (account: number) => ['--account', String(account)]
  const version = () => ['--service', service, '--number', '1']
  const terms = (guarantee: number) => [
    ...version(),
    ...['--guarantee', String(guarantee), '--expires', '+30d', '--bond', '0.4'],
  ]

  /** A batch with a salt of which the network gets `right` right. */
  const opening = async (name: string, right: number) => {
    const labels = answers.map((answer, i) => (i < right ? answer : 1 - answer))
    await writeFile(at(`${name}.json`), JSON.stringify({ inputs, labels }))
    const out = at(`${name}.opening.json`)
    await succeed('claim', 'commit', at('accurate'), '--batch', at(`${name}.json`), '--out', out)
    return out
  }

  /** Registries with one version of the model, and the verifiers of both circuits. */
  const deployRegistries = async (admin: JsonRpcSigner, commitment: string) => {
    const made = async (name: 'ModelRegistry' | 'VerifierRegistry' | 'AdoptedModel') => {
      const { abi, bytecode } = contractArtifact(name)
      const contract = await new ContractFactory(abi as string[], bytecode, admin).deploy(admin.address)
      await contract.waitForDeployment()
      return await contract.getAddress()
    }
    const contracts = {
      ModelRegistry: await made('ModelRegistry'),
      VerifierRegistry: await made('VerifierRegistry'),
      AdoptedModel: await made('AdoptedModel'),
    }
    const models: ModelRegistry = clients.models(contracts.ModelRegistry, admin)
    const adopted: AdoptedModel = clients.adopted(contracts.AdoptedModel, admin)
    const sent = async (call: Promise<{ wait(): Promise<unknown> }>) => (await call).wait()
    await sent(models.grantRole(await models.REGISTRAR_ROLE(), admin.address))
    await sent(models.registerService(contracts.AdoptedModel))
    await sent(adopted.adopt(commitment, CID))
    return contracts
  }

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-claims-'))
    processes = new Processes(home)
    chain = await startLocalChain(processes, { pace: 'hasty' })
    await savePerceptron(at('model'), [4, 3], 7)
    await writeFile(at('samples.json'), JSON.stringify({ inputs: [...inputs, ...inputs, ...inputs] }))
    await writeFile(at('salt'), SALT)
    const model = [at('model'), '--plan', at('plan.json')]
    await succeed(
      'calibrate',
      at('model'),
      '--data',
      at('samples.json'),
      '--mode',
      'committed',
      '--out',
      at('plan.json'),
    )
    const options = ['--count', String(COUNT), '--model-salt', at('salt')]
    const manifest = await succeed('claim', 'accuracy', ...model, ...options, '--out', at('accurate'))
    const opposite = await succeed('claim', 'accuracy', ...model, ...options, '--refutes', '--out', at('inaccurate'))
    expect(opposite.modelCommitment, 'both speak of the same weights').to.equal(manifest.modelCommitment)

    const admin = await chain.provider.getSigner(ADMIN)
    addresses = (await chain.provider.listAccounts()).map(({ address }) => address)
    const commitment = `0x${BigInt(manifest.modelCommitment).toString(16).padStart(64, '0')}`
    const contracts = await deployRegistries(admin, commitment)
    service = contracts.AdoptedModel
    await writeDeployment(contracts, await chain.provider.getNetwork())
    const verifiers: VerifierRegistry = clients.verifiers(contracts.VerifierRegistry, admin)
    await (await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), admin.address)).wait()
    for (const [folder, { circuitId }] of [
      ['accurate', manifest],
      ['inaccurate', opposite],
    ] as const) {
      await succeed('setup', at(folder), '--local')
      const args = ['dao', 'deploy-verifier', at(folder), ...as(ADMIN), '--json']
      const made = await commandIn({ COHORT_RPC_URL: chain.url, COHORT_DEPLOYMENT: at('deployment.json') }, ...args)
      expect(made.code, made.stderr).to.equal(0)
      const { address, vkHash } = JSON.parse(made.stdout)
      await (await verifiers.register(circuitId, address, vkHash, 1, '0x')).wait()
    }
    const deployed = await claim('deploy', ...as(ADMIN), '--registrar', addresses[ADMIN]!, '--treasury', addresses[9]!)
    expect(deployed.code, deployed.stderr).to.equal(0)
    registry = JSON.parse(deployed.stdout).address
    await on('describe', at('accurate'), '--refutation', at('inaccurate'), ...as(ADMIN))
  })

  after(async () => {
    chain?.provider.destroy()
    await processes?.[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  })

  /** A deployment file: the contracts that claims need, and the administrator's address where there is none. */
  const writeDeployment = async (contracts: Record<string, string>, { chainId }: { chainId: bigint }) => {
    const names = [
      ...['CohortToken', 'TimelockController', 'CohortGovernor', 'Guardian', 'Successors', 'KeeperRegistry'],
      ...['StakePoolFactory', 'EqualRewards', 'SampleRewards', 'LearningService', 'ServiceFactory', 'InferenceHub'],
      ...['PublisherRegistry', 'EnsembleOracle', 'ProverMarket', 'PredictionMarket', 'InputMarket', 'DaoPilot'],
      ...['OutcomePoolFactory', 'SpendingGuard', 'AnnouncedSignatures', 'HubValidator'],
    ]
    const rest = Object.fromEntries(names.map((name) => [name, addresses[ADMIN]]))
    const file = { network: 'localhost', chainId: Number(chainId), fromBlock: 0, contracts: { ...rest, ...contracts } }
    await writeFile(at('deployment.json'), JSON.stringify({ ...file, services: [] }))
  }

  it('an honest claim on a drawn batch counts, and a challenger that cannot refute it says so', async () => {
    const files = []
    for (const name of ['a', 'b', 'c']) files.push(await opening(name, 5))
    const batches = ['--batches', ...files]
    const { poolId } = await on('pool', at('accurate'), ...batches, ...as(OWNER))
    const pool = ['--pool', String(poolId)]
    const early = await claim(
      ...['publish', at('accurate'), ...batches, ...pool, '--source', 'draw', ...terms(5), ...as(OWNER)],
      ...['--registry', registry],
    )
    expect(early.stderr).to.match(/has drawn nothing/)
    const { index } = await on('draw', at('accurate'), ...pool, ...version(), ...as(OWNER))
    expect(index).to.be.within(0, 2)
    const args = ['publish', at('accurate'), ...batches, ...pool, '--source', 'draw']
    const other = await claim(...args, ...terms(5), ...as(STRANGER), '--registry', registry)
    expect(other.stderr).to.match(/drew its batch for a claim of/)
    const { claimId, figure } = await on(...args, ...terms(5), ...as(OWNER))
    expect(figure).to.equal(5)
    const shown = await on('show', String(claimId))
    expect([shown.kind, shown.counts, shown.guarantee]).to.deep.equal(['accuracy', true, 5])

    const claims = clients.claims(registry, chain.provider)
    const challenge = async (files: readonly string[], ...more: string[]) => {
      const given = ['challenge', String(claimId), at('inaccurate'), '--batches', ...files, ...more]
      return await claim(...given, ...as(STRANGER), '--registry', registry)
    }
    const shuffled = await challenge(files.toReversed())
    expect(shuffled.stderr).to.match(/are not the 3 of pool/)
    expect(shuffled.code).to.equal(65)
    expect(await claims.challengeCount(), 'nothing is paid for').to.equal(0n)
    for (const more of [[], ['--resume', '1']]) {
      const failed = await challenge(files, ...more)
      expect(failed.code).to.not.equal(0)
      expect(failed.stderr).to.match(/gets 5 of 6 right, the refutation says fewer than 5/)
      expect(await claims.challengeCount(), 'paid once').to.equal(1n)
    }
    await chain.provider.send('evm_increaseTime', [7 * 86_400 + 60])
    await chain.provider.send('evm_mine', [])
    await on('settle', '1', ...as(STRANGER))
    expect(await claims.balanceOf(addresses[OWNER]!)).to.equal(parseEther('0.075'))
    expect((await on('show', String(claimId))).counts).to.equal(true)
  })

  it('a liar that picked a batch loses badge and bond to a draw from the pool that it accepted', async () => {
    const picked = await opening('picked', 6)
    const files = []
    for (const name of ['d', 'e']) files.push(await opening(name, 2))
    const batches = ['--batches', ...files]
    const { poolId } = await on('pool', at('accurate'), ...batches, ...as(AUDITOR))
    const { claimId } = await on(
      ...['publish', at('accurate'), '--batch', picked, '--pool', String(poolId), ...terms(5), ...as(OWNER)],
    )
    expect((await on('show', String(claimId))).counts).to.equal(true)
    await on('challenge', String(claimId), at('inaccurate'), ...batches, ...as(STRANGER))
    const shown = await on('show', String(claimId))
    expect([shown.status, shown.counts]).to.deep.equal(['fallen', false])
    const claims = clients.claims(registry, chain.provider)
    // Three quarters of 0.4, and the challenge's own 0.1.
    expect(await claims.balanceOf(addresses[STRANGER]!)).to.equal(parseEther('0.4'))
    await on('withdraw', ...as(STRANGER))
    const again = await claim(
      ...['publish', at('accurate'), '--batch', picked, '--pool', String(poolId), ...terms(5), ...as(OWNER)],
      ...['--registry', registry],
    )
    expect(again.stderr).to.match(/GuaranteeRefuted/)
    const { claims: listed } = await on('list')
    expect(listed.map(({ status }: { status: string }) => status)).to.deep.equal(['fallen', 'standing'])
  })

  it('an auditor chooses the batch of a claim, and the one that refutes it', async () => {
    const good = await opening('good', 6)
    const bad = await opening('bad', 1)
    const sign = (...args: string[]) => on('sign', at('accurate'), ...args, ...version(), ...as(AUDITOR))
    const { signature } = await sign('--batch', good, '--for', addresses[OWNER]!)
    const auditor = ['--source', 'auditor', '--auditor', addresses[AUDITOR]!]
    const publish = ['publish', at('accurate'), '--batch', good, ...auditor]
    const { claimId } = await on(...publish, '--signature', signature, ...terms(6), ...as(OWNER))
    const meant = ['sign', at('accurate'), '--batch', bad, '--for', addresses[STRANGER]!, '--claim', String(claimId)]
    for (const [other, what] of [
      [['--service', service, '--number', '2', ...as(AUDITOR)], /has version 1, not 2/],
      [[...version(), ...as(STRANGER)], /has auditor/],
    ] as const) {
      const refused = await claim(...meant, ...other, '--registry', registry)
      expect(refused.stderr).to.match(what)
      expect(refused.code).to.equal(64)
    }
    const counter = await sign('--batch', bad, '--for', addresses[STRANGER]!, '--claim', String(claimId))
    const challenge = ['challenge', String(claimId), at('inaccurate'), '--batch', bad, '--signature', counter.signature]
    const copied = await claim(...challenge, ...as(OWNER), '--registry', registry)
    expect(copied.stderr).to.match(/NotAuditorsSignature/)
    await on(...challenge, ...as(STRANGER))
    expect((await on('show', String(claimId))).status).to.equal('fallen')
  })

  it('refuses circuits that do not belong together, files without salts, and wrong addresses', async () => {
    const register = ['--registry', registry]
    const swapped = await claim('describe', at('inaccurate'), '--refutation', at('accurate'), ...as(ADMIN), ...register)
    expect(swapped.stderr).to.match(/not the opposite/)
    expect(swapped.code).to.equal(64)
    const bare = await claim('pool', at('accurate'), '--batches', at('a.json'), at('b.json'), ...as(OWNER), ...register)
    expect(bare.stderr).to.match(/has no salt/)
    const other = await claim('list', '--registry', service)
    expect(other.stderr).to.match(/no claim registry/)
    expect(other.code).to.equal(78)
    expect((await claim('show', '99', ...register)).stderr).to.match(/there is no claim 99/)
  })
})
