// SPDX-License-Identifier: GPL-3.0-or-later
// A member's path through the DAO, over a deployment and JSON-RPC, as `cohort dao` takes it.
import { expect } from 'chai'
import type { Result } from 'ethers'
import type { Proposal } from '../../../keepers/chain/index.ts'
import { DaoClient, DaoError } from '../../../keepers/chain/index.ts'
import { deployStub } from '../inference/product-circuit.ts'
import { consentOf, KEY, MULTIADDR } from '../registry/keepers.ts'
import { deployVersions } from '../registry/versions.ts'
import { createDeployment } from './simulated.ts'

const TOKEN = 10n ** 18n
const CID = `0x01551220${'78'.repeat(32)}`
const PATIENT = { timeout: 60_000 }

async function refusal(promise: Promise<unknown>): Promise<DaoError> {
  return await promise.then(
    () => {
      throw new Error('expected a refusal')
    },
    (error: unknown) => {
      if (error instanceof DaoError) return error
      throw error
    },
  )
}

/** A deployment whose service has published `versions`, and a client for each member; both hold their own votes. */
async function createDao(versions: number) {
  const world = await createDeployment()
  const { browser, deployment, clock, ethers } = world
  const service = deployment.services[0]!.address
  // A history without rounds; with no versions asked for, the service is the real one.
  const writer = versions > 0 ? await deployVersions(ethers, service) : null
  for (let round = 1; round <= versions; round++) {
    await writer?.publish(1, round, ethers.toBeHex(round, 32), CID, 0b111)
  }
  const member = async (account: number) =>
    await DaoClient.connect({ provider: browser, deployment, clock, signer: await browser.getSigner(account) })
  const [majority, minority, outsider] = [await member(1), await member(2), await member(5)]
  await majority.delegate()
  await minority.delegate()
  return { ...world, service, majority, minority, outsider, member }
}

/** From proposed to executed, each step as soon as it is possible. */
async function carry(dao: { majority: DaoClient; outsider: DaoClient }, { id }: Proposal) {
  const { majority, outsider } = dao
  await majority.proposals.waitFor(id, 'active', PATIENT)
  await majority.proposals.vote(id, 'for', 'because')
  await outsider.proposals.waitFor(id, 'succeeded', PATIENT)
  const queued = await outsider.proposals.queue(id)
  await outsider.proposals.waitFor(id, 'executable', PATIENT)
  const executed = await outsider.proposals.execute(id)
  return { queued, executed }
}

describe('a member of the DAO', () => {
  it('releases a version: proposes, votes, queues, executes', async () => {
    const dao = await createDao(2)
    const { majority, minority, service, hub } = dao
    expect((await majority.serviceStatus('')).current).to.equal(null)
    const proposal = await majority.proposeRelease('digits', 2)
    expect(proposal.state).to.equal('pending')
    expect(proposal.actions).to.deep.equal([`ModelRegistry.release(${service}, 2)`])
    await minority.proposals.waitFor(proposal.id, 'active', PATIENT)
    expect((await minority.proposals.vote(proposal.id, 'against')).weight).to.equal(300n * TOKEN)
    const { queued, executed } = await carry(dao, proposal)
    expect(queued.state).to.equal('queued')
    expect(queued.executableAt).to.be.a('number')
    expect(executed.state).to.equal('executed')
    expect(executed.votes).to.deep.equal({ for: 700n * TOKEN, against: 300n * TOKEN, abstain: 0n })
    const status = await majority.serviceStatus(service)
    expect(status.current).to.equal(2)
    expect(status.versions.map((version) => version.status)).to.deep.equal(['accepted', 'released'])
    expect(await dao.models.currentVersion(service)).to.equal(2n)
    expect(await hub.MODELS()).to.equal(await dao.models.getAddress())
  })

  it('rolls back to an earlier release, and may release the same version again later', async () => {
    const dao = await createDao(2)
    const { majority } = dao
    for (const version of [1, 2]) await carry(dao, await majority.proposeRelease('', version))
    const back = await majority.proposeRollback('', 1)
    expect(back.actions[0]).to.match(/ModelRegistry\.rollback/)
    await carry(dao, back)
    const status = await majority.serviceStatus('')
    expect([status.current, status.versions.map((version) => version.status)]).to.deep.equal([
      1,
      ['released', 'deprecated'],
    ])
    expect((await refusal(majority.proposeRollback('', 1))).message).to.match(/is at version 1 already/)
    expect((await refusal(majority.proposeRelease('', 2))).message).to.match(/is deprecated, not accepted or released/)
    expect((await majority.proposals.list()).map((proposal) => proposal.state)).to.deep.equal([
      'executed',
      'executed',
      'executed',
    ])
    // The very same release again is another proposal.
    await majority.proposeRelease('', 1)
    await majority.proposeRelease('', 1)
  })

  it('deprecates the current version, after which nothing is released', async () => {
    const dao = await createDao(1)
    const { majority, models, service } = dao
    await carry(dao, await majority.proposeRelease('', 1))
    await carry(dao, await majority.proposeDeprecation('', 1, 'backdoor'))
    expect((await majority.serviceStatus('')).current).to.equal(null)
    await expect(models.currentVersion(service)).to.be.revertedWithCustomError(models, 'NoReleasedVersion')
    expect((await refusal(majority.proposeRollback('', 1))).code).to.equal('wrong-status')
    expect((await refusal(majority.proposeDeprecation('', 1, 'again'))).code).to.equal('wrong-status')
  })

  it('bars a keeper from a service, and lets it back', async () => {
    const dao = await createDao(0)
    const { majority, keepers, ethers, service } = dao
    const accounts = await ethers.getSigners()
    const [owner, operator] = [accounts[7]!, accounts[8]!]
    expect((await refusal(majority.proposeBan('', 'nobody'))).message).to.match(/nobody is not an address/)
    expect((await refusal(majority.proposeBan('', owner.address))).message).to.match(/owns no registered keeper/)
    const consent = await consentOf(keepers, owner, operator)
    await keepers.connect(owner).register(operator, KEY, MULTIADDR, 0, consent)
    expect((await refusal(majority.proposeUnban('', owner.address))).message).to.match(/is not banned at digits/)
    const ban = await majority.proposeBan('digits', owner.address)
    expect(ban.actions.join()).to.contain(`ban(${owner.address})`)
    await carry(dao, ban)
    const contract = await ethers.getContractAt('ILearningService', service)
    expect(await contract.isBanned(owner)).to.equal(true)
    expect((await refusal(majority.proposeBan('', owner.address))).message).to.match(/is banned already at digits/)
    await carry(dao, await majority.proposeUnban('', owner.address, 'it has mended its ways'))
    expect(await contract.isBanned(owner)).to.equal(false)
  })

  it('gives a service another manifest, and makes a second service with its own manifest', async () => {
    const dao = await createDao(0)
    const { majority, ethers, service, deployment } = dao
    const [first, second] = [`0x${'11'.repeat(32)}`, `0x${'22'.repeat(32)}`]
    const change = await majority.proposeManifest('', first)
    expect(change.actions.join()).to.contain('setParameters(')
    await carry(dao, change)
    const old = await ethers.getContractAt('ILearningService', service)
    const parameters = await old.parameters()
    expect(parameters.manifest).to.equal(first)
    expect((await refusal(majority.proposeManifest('', first))).message).to.match(
      /digits has the manifest 0x1+ already/,
    )

    const long = { name: 'x'.repeat(65), manifest: second }
    expect((await refusal(majority.proposeService('', long))).message).to.match(/1 to 64 bytes, 'x+' has 65/)
    const creation = await majority.proposeService('', { name: 'cells', manifest: second })
    await carry(dao, creation)
    const factory = await ethers.getContractAt('ServiceFactory', deployment.contracts.ServiceFactory)
    expect(await factory.serviceAt(1)).to.equal(creation.service)
    const made = await ethers.getContractAt('ILearningService', creation.service)
    const roles = await ethers.getContractAt('ServiceRegistration', creation.service)
    const plain = (result: unknown) => (result as Result).toObject()
    expect(plain(await made.parameters())).to.deep.equal({ ...plain(parameters), manifest: second })
    const timelock = deployment.contracts.TimelockController
    expect(await roles.hasRole(ethers.ZeroHash, timelock)).to.equal(true)
  })

  it('makes a service at once where the chain is a development node, and nowhere else', async () => {
    const { majority, ethers, deployment, browser } = await createDao(0)
    const manifest = `0x${'33'.repeat(32)}`
    const { service } = await majority.createServiceNow('', { name: 'cells', manifest })
    const factory = await ethers.getContractAt('ServiceFactory', deployment.contracts.ServiceFactory)
    expect(await factory.serviceAt(1)).to.equal(service)
    const made = await ethers.getContractAt('ILearningService', service)
    expect((await made.parameters()).manifest).to.equal(manifest)
    const timelock = deployment.contracts.TimelockController
    const roles = await ethers.getContractAt('ServiceRegistration', service)
    expect(await roles.hasRole(ethers.ZeroHash, timelock)).to.equal(true)
    // The node acts for the timelock no longer.
    const call = [{ from: timelock, to: service, data: '0x' }]
    expect(await browser.send('eth_sendTransaction', call).catch((error: Error) => error)).to.be.instanceOf(Error)

    const send = browser.send.bind(browser)
    browser.send = async (method, parameters) => {
      if (method.startsWith('hardhat_')) throw new Error('the method does not exist')
      return await send(method, parameters)
    }
    const error = await refusal(majority.createServiceNow('', { name: 'more', manifest }))
    expect([error.code, error.exitCode]).to.deep.equal(['wrong-chain', 78])
    expect(error.message).to.match(/only a development node makes a service without a vote/)
  })

  it('sees every call of a proposal in words, and the ether that goes along', async () => {
    const { majority, deployment, governor, guardian, pilot, ethers } = await createDao(0)
    const { contracts } = deployment
    const [someone, nobody] = [ethers.Wallet.createRandom().address, ethers.Wallet.createRandom().address]
    const timelock = await ethers.getContractAt('TimelockController', contracts.TimelockController)
    const keepers = await ethers.getContractAt('KeeperRegistry', contracts.KeeperRegistry)
    const calls = [
      [contracts.Guardian, 0n, guardian.interface.encodeFunctionData('appoint', [someone, 99n])],
      [contracts.DaoPilot, 5n * 10n ** 17n, '0x'],
      [contracts.DaoPilot, 0n, pilot.interface.encodeFunctionData('revoke', [7n])],
      [contracts.TimelockController, 0n, timelock.interface.encodeFunctionData('updateDelay', [60n])],
      [contracts.KeeperRegistry, 0n, keepers.interface.encodeFunctionData('grantRole', [ethers.ZeroHash, someone])],
      [nobody, 0n, '0x1234'],
    ] as const
    const [targets, values, payloads] = [0, 1, 2].map((part) => calls.map((call) => call[part]!))
    // The majority's account.
    await governor
      .connect((await ethers.getSigners())[1]!)
      .propose(targets as string[], values as bigint[], payloads as string[], 'Many things at once')
    const [proposal] = await majority.proposals.list()
    expect(proposal!.actions).to.deep.equal([
      `Guardian.appoint(${someone}, 99)`,
      'DaoPilot 0x with 0.5 ether',
      'DaoPilot.revoke(7)',
      'TimelockController.updateDelay(60)',
      `KeeperRegistry.grantRole(${ethers.ZeroHash}, ${someone})`,
      `${nobody} 0x1234`,
    ])
  })

  it('registers the verifier of a circuit', async () => {
    const dao = await createDao(0)
    const { majority, verifiers, ethers } = dao
    const [deployer] = await ethers.getSigners()
    const verifier = await deployStub(deployer!, 77n, 1)
    const terms = { circuitId: ethers.id('circuit'), verifier, vkHash: ethers.toBeHex(77n, 32) }
    await carry(dao, await majority.proposeVerifier({ ...terms, setup: 'local' }))
    const genuine = { circuitId: ethers.id('another'), verifier: await deployStub(deployer!, 77n, 2) }
    const other = { ...terms, ...genuine, setup: 'ceremony' as const, transcriptCid: CID }
    await carry(dao, await majority.proposeVerifier(other))
    expect((await verifiers.getVerifier(terms.circuitId)).setup).to.equal(1n)
    expect((await verifiers.getVerifier(other.circuitId)).transcriptHash).to.equal(ethers.keccak256(CID))
  })

  it('takes over a model from outside: verifier, commitment and release in one, and its next version without the verifier', async () => {
    const dao = await createDao(0)
    const { majority, models, deployment, ethers } = dao
    const [deployer] = await ethers.getSigners()
    const { AdoptedModel } = deployment.contracts
    const verifier = await deployStub(deployer!, 88n, 1)
    const terms = {
      verifier: {
        circuitId: ethers.id('reader'),
        verifier,
        vkHash: ethers.toBeHex(88n, 32),
        setup: 'local' as const,
      },
      weightsCommitment: ethers.toBeHex(5n, 32),
      cid: CID,
    }
    const first = await majority.proposeModel(terms)
    expect([first.version, first.actions.length]).to.deep.equal([1, 3])
    await carry(dao, first)
    expect(await models.isReleased(AdoptedModel, 1)).to.equal(true)
    expect((await models.getVersion(AdoptedModel, 1)).weightsCommitment).to.equal(terms.weightsCommitment)
    const second = await majority.proposeModel({ ...terms, weightsCommitment: ethers.toBeHex(6n, 32) })
    expect(second.actions.map((action) => action.split('(')[0])).to.deep.equal([
      'AdoptedModel.adopt',
      'ModelRegistry.release',
    ])
    await carry(dao, second)
    expect(await models.currentVersion(AdoptedModel)).to.equal(2n)
  })

  it('is told at once what execution would refuse after days of voting', async () => {
    const { majority, ethers } = await createDao(1)
    expect((await refusal(majority.proposeRelease('', 2))).message).to.match(/has versions 1 to 1, not 2/)
    expect((await refusal(majority.proposeRollback('', 1))).message).to.match(/is accepted, not released/)
    expect((await refusal(majority.proposeRelease('nope', 1))).message).to.match(/no service 'nope'.*'digits'/)
    const stranger = ethers.Wallet.createRandom().address
    expect((await refusal(majority.proposeRelease(stranger, 1))).message).to.match(/not registered/)
    expect((await refusal(majority.proposeDeprecation('', 1, 'x'.repeat(32)))).message).to.match(/at most 31/)
    expect(await majority.proposals.list()).to.deep.equal([])
  })

  it('cannot vote twice, without votes, too early or too late', async () => {
    const dao = await createDao(1)
    const { majority, outsider } = dao
    const { id } = await majority.proposeRelease('', 1)
    expect((await refusal(majority.proposals.vote(id, 'for'))).message).to.match(
      /is pending, not active; voting starts/,
    )
    await majority.proposals.waitFor(id, 'active', PATIENT)
    expect((await refusal(outsider.proposals.vote(id, 'for'))).code).to.equal('no-votes')
    await majority.proposals.vote(id, 'for')
    expect((await refusal(majority.proposals.vote(id, 'against'))).code).to.equal('already-voted')
    expect((await refusal(majority.proposals.queue(id))).message).to.match(/is active, not succeeded; voting ends/)
    await majority.proposals.waitFor(id, 'succeeded', PATIENT)
    expect((await refusal(majority.proposals.vote(id, 'for'))).code).to.equal('wrong-state')
    await majority.proposals.queue(id)
    expect((await refusal(majority.proposals.execute(id))).message).to.match(/can be executed from .*, in \d+ s/)
  })

  it('reports refusals by the contracts’ own errors', async () => {
    const { outsider } = await createDao(1)
    const error = await refusal(outsider.proposeRelease('', 1))
    expect(error.code).to.equal('reverted')
    expect(error.message).to.match(/^propose: GovernorInsufficientProposerVotes\(proposer=0x.*votes=0/)
  })

  it('waits no longer than it is worth', async () => {
    const dao = await createDao(1)
    const { majority, outsider } = dao
    const { id } = await majority.proposeRelease('', 1)
    const impatient = await refusal(majority.proposals.waitFor(id, 'succeeded', { timeout: 600 }))
    expect([impatient.code, impatient.exitCode]).to.deep.equal(['timeout', 75])
    const stopped = new AbortController()
    stopped.abort(new Error('stopped'))
    const interrupted = majority.proposals.waitFor(id, 'succeeded', { ...PATIENT, signal: stopped.signal })
    expect(await interrupted.catch((error: Error) => error.message)).to.equal('stopped')
    // Nobody votes: it is defeated, and waiting for its success ends there.
    const states: string[] = []
    const defeated = await refusal(
      outsider.proposals.waitFor(id, 'succeeded', { ...PATIENT, onState: ({ state }) => states.push(state) }),
    )
    expect(defeated.message).to.match(/is defeated, not succeeded/)
    expect(states).to.deep.equal(['active', 'defeated'])
  })

  it('shows an account’s votes, and delegates to another', async () => {
    const { majority, ethers } = await createDao(0)
    const accounts = await ethers.getSigners()
    const [holder, friend] = [accounts[1]!.address, accounts[6]!.address]
    const { to, votes } = await majority.delegate(friend)
    expect([to, votes]).to.deep.equal([friend, 700n * TOKEN])
    expect(await majority.power(holder)).to.deep.equal({ balance: 700n * TOKEN, votes: 0n, delegate: friend })
  })

  it('needs a signer to act, and the right chain to look', async () => {
    const { browser, deployment, networkHelpers } = await createDao(1)
    const looking = await DaoClient.connect({ provider: browser, deployment })
    expect((await looking.serviceStatus('digits')).versions).to.have.length(1)
    expect((await refusal(looking.proposeRelease('', 1))).code).to.equal('no-signer')
    expect((await refusal(looking.proposals.get(5n))).message).to.equal('there is no proposal 5')
    const elsewhere = DaoClient.connect({ provider: browser, deployment: { ...deployment, chainId: 1 } })
    expect((await refusal(elsewhere)).message).to.match(/on chain 31337, the deployment is on chain 1/)
    await networkHelpers.setCode(deployment.contracts.CohortGovernor, '0x')
    const gone = await refusal(DaoClient.connect({ provider: browser, deployment }))
    expect(gone.message).to.match(/no governor at 0x/)
    expect(gone.exitCode).to.equal(78)
  })

  it('reads a history of any length, and names the service when there are several', async () => {
    const { majority, browser, deployment } = await createDao(70)
    const { versions } = await majority.serviceStatus('digits')
    expect(versions).to.have.length(70)
    expect(versions.at(-1)).to.include({ version: 70, round: 70, votes: 3, status: 'accepted' })
    const services = [...deployment.services, { name: 'other', address: deployment.contracts.CohortToken }]
    const two = await DaoClient.connect({ provider: browser, deployment: { ...deployment, services } })
    expect(() => two.service('')).to.throw(/name a service with --service: the deployment has 'digits', 'other'/)
    expect(two.service(deployment.services[0]!.address.toLowerCase()).name).to.equal('digits')
  })
})
