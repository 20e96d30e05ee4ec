// SPDX-License-Identifier: GPL-3.0-or-later
// Proposals of any call and of parameters, and how many of them are found again.
import { expect } from 'chai'
import { encodeCall } from '../../../keepers/chain/dao/calls.ts'
import { clients, DaoClient, DaoError, decodeRevert } from '../../../keepers/chain/index.ts'
import { createDeployment } from './simulated.ts'

const TOKEN = 10n ** 18n

async function refusal(promise: Promise<unknown>): Promise<DaoError> {
  const error = await promise.then(
    () => new Error('expected a refusal'),
    (found: unknown) => found,
  )
  if (error instanceof DaoError) return error
  throw error
}

async function createDao() {
  const world = await createDeployment()
  const { browser, deployment, clock } = world
  const member = await DaoClient.connect({ provider: browser, deployment, clock, signer: await browser.getSigner(1) })
  await member.delegate()
  return { ...world, member, service: deployment.services[0]!.address }
}

describe('calls that the DAO proposes', () => {
  it('are written by name, by signature, or as calldata, and shown in the same words', async () => {
    const { member, deployment, ethers } = await createDao()
    const { KeeperRegistry, TimelockController } = deployment.contracts
    const [someone, role] = [ethers.Wallet.createRandom().address, ethers.ZeroHash]
    const { id, actions } = await member.proposeCalls(
      [
        { target: 'TimelockController', call: 'updateDelay', args: ['7200'] },
        { target: KeeperRegistry, call: 'grantRole(bytes32,address)', args: [role, someone] },
        {
          target: someone,
          call: 'set(uint256[],(bool,string))',
          args: [
            ['1', '2'],
            ['true', 'x'],
          ],
        },
        { target: TimelockController, call: `0x64d62353${'0'.repeat(64)}` },
      ],
      'Four things',
    )
    const set = new ethers.Interface(['function set(uint256[],(bool,string))'])
    expect(actions).to.deep.equal([
      'TimelockController.updateDelay(7200)',
      `KeeperRegistry.grantRole(${role}, ${someone})`,
      `${someone} ${set.encodeFunctionData('set', [
        [1, 2],
        [true, 'x'],
      ])}`,
      'TimelockController.updateDelay(0)',
    ])
    expect((await member.proposals.get(id)).actions).to.have.length(4)
  })

  it('show a text that a proposer wrote as one argument, whatever stands in it', async () => {
    const { member, ethers } = await createDao()
    const someone = ethers.Wallet.createRandom().address
    const forged = `x", ${someone})\n  for 9000, against 0, abstain 0\nproposal 7: queued`
    const known = member.proposals.known.find(({ name }) => name === 'CohortToken')!
    Object.assign(known, { abi: new ethers.Interface(['function say(string,(address,string)[])']) })
    const call = { target: 'CohortToken', call: 'say', args: [forged, [[someone, forged]]] }
    const words = member.proposals.inWords(encodeCall(call, [known]))
    expect(words).to.equal(`CohortToken.say(${JSON.stringify(forged)}, [[${someone}, ${JSON.stringify(forged)}]])`)
    expect(words.split('\n')).to.have.length(1)
  })

  it('cannot be proposed first by somebody who saw them on their way, and then cancelled', async () => {
    const { member, deployment, browser } = await createDao()
    const call = { target: 'TimelockController', call: 'updateDelay', args: ['7200'] }
    const { id } = await member.proposeCalls([call], 'A longer delay')
    const governor = clients.governor(deployment.contracts.CohortGovernor, await browser.getSigner(2))
    const [created] = await governor.queryFilter(governor.filters.ProposalCreated())
    const { description, targets, calldatas } = created!.args
    const proposer = await (await browser.getSigner(1)).getAddress()
    expect(description).to.equal(`A longer delay (proposal 1)#proposer=${proposer}`)
    // The next one, as it would be seen in the pool of transactions.
    const seen = description.replace('proposal 1', 'proposal 2')
    const steal = (text: string) =>
      governor.propose.staticCall([...targets], [0n], [...calldatas], text).then(
        () => 'stolen',
        (error: unknown) => decodeRevert(error, [governor.interface], 'propose')?.error,
      )
    expect(await steal(seen)).to.equal('GovernorRestrictedProposer')
    // The attack, without the proposer's name: only the votes that it takes stand against it.
    expect(await steal(seen.replace(/#.*/, ''))).to.equal('GovernorInsufficientProposerVotes')
    expect((await member.proposals.get(id)).state).to.equal('pending')
  })

  it('are refused at once when execution would be, or when they say nothing', async () => {
    const { member, ethers } = await createDao()
    const someone = ethers.Wallet.createRandom().address
    const cases: [target: string, call: string, args: unknown[], code: string, message: RegExp][] = [
      ['ModelRegistry', 'release', [someone, 1], 'reverted', /ServiceNotRegistered|NotRegistered|.*: as things are/],
      ['Nobody', 'release', [], 'bad-call', /neither an address nor one of CohortToken, /],
      ['ModelRegistry', 'relase', [], 'bad-call', /there is no function of that name/],
      ['ModelRegistry', 'release', [someone], 'bad-call', /there is release\(address,uint64\)/],
      ['ModelRegistry', 'release', [someone, 'x'], 'bad-call', /release\(address,uint64\): .*"x"/],
      [someone, 'release', [], 'bad-call', /write the whole signature, release\(…\)/],
      [someone, 'release(', [], 'bad-call', /is no signature of a function/],
    ]
    for (const [target, call, args, code, message] of cases) {
      const error = await refusal(member.proposeCalls([{ target, call, args }], 'x'))
      expect([error.code, error.message]).to.deep.equal([code, error.message])
      expect(error.message).to.match(message)
    }
    expect(await member.proposals.count()).to.equal(0)
  })

  it('set some parameters of a service, and leave the others', async () => {
    const { member } = await createDao()
    const { actions } = await member.proposeParameters('', { trainingWindow: 900, bond: 7n * TOKEN })
    const { current } = await member.serviceTerms('digits')
    const given = Object.entries({ ...current, trainingWindow: 900, bond: 7n * TOKEN }).map(([, value]) => value)
    expect(actions.join()).to.contain(`setParameters([${given.join(', ')}])`)
    const unknown = await refusal(member.proposeParameters('', { trainingWindw: 900 }))
    expect(unknown.message).to.match(/'trainingWindw' is no parameter: there are registrationWindow, /)
    expect((await refusal(member.proposeParameters('', { trainingWindow: 0 }))).message).to.match(
      /: as things are, execution/,
    )
  })

  it('are found by their first digits, and listed in pages', async () => {
    const { member } = await createDao()
    const ids: bigint[] = []
    for (let i = 0; i < 4; i++) {
      const call = { target: 'TimelockController', call: 'updateDelay', args: [3600 + i] }
      ids.push((await member.proposeCalls([call], `Delay ${i}`)).id)
    }
    for (const id of ids) {
      expect(await member.proposals.find(String(id).slice(0, 12))).to.equal(id)
      expect(await member.proposals.find(String(id))).to.equal(id)
    }
    expect((await refusal(member.proposals.find('98765432109876'))).message).to.match(
      /no proposal begins with 98765432109876/,
    )
    const listed = async (count: number, skip: number) =>
      (await member.proposals.list({ count, skip })).map((proposal) => proposal.id)
    expect(await listed(2, 0)).to.deep.equal(ids.slice(2))
    expect(await listed(2, 1)).to.deep.equal(ids.slice(1, 3))
    expect(await listed(9, 3)).to.deep.equal(ids.slice(0, 1))
    expect(await listed(2, 9)).to.deep.equal([])
  })
})
