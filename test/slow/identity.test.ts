// SPDX-License-Identifier: GPL-3.0-or-later
// Identities end to end: a chain in a process of its own, the real circuits, and a command for every step of issuer, camera, holder, keeper
// of a list and owner of a gate. Then what each of them tries who lies.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Contract, ContractFactory, type JsonRpcSigner } from 'ethers'
import { clients, contractArtifact } from '../../keepers/chain/index.ts'
import { type LocalChain, startLocalChain } from '../../scripts/demo/local-chain.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import { commandIn } from '../commands/command-line.ts'

/** Accounts of the development node. */
const [OWNER, ISSUER, KEEPER, HOLDER, STRANGER] = [0, 1, 2, 3, 4]
/** Drawn people: never seen in training. */
const [PERSON, THIEF] = [2001, 2002]
const EDDSA = 4
const DOCUMENT = ['--document', 'C01X00T47', '--country', '276']

describe('identities on a chain', function () {
  this.timeout(1_200_000)
  let home: string
  let processes: Processes
  let chain: LocalChain
  let addresses: string[]
  let lists: string
  let gate: string
  let token: Contract
  const at = (name: string) => join(home, name)
  const as = (account: number) => ['--account', String(account)]

  const run = (...args: string[]) =>
    commandIn({ COHORT_RPC_URL: chain.url, COHORT_DEPLOYMENT: at('deployment.json') }, ...args, '--json')
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args)
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return JSON.parse(stdout)
  }
  const identity = (...args: string[]) => done('identity', ...args)
  const refused = async (code: number, why: RegExp, ...args: string[]) => {
    const found = await run('identity', ...args)
    expect(found.stderr).to.match(why)
    expect(found.code, found.stderr).to.equal(code)
  }
  const onGate = (...args: string[]) => [...args, '--gate', gate]

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-identity-'))
    processes = new Processes(home)
    chain = await startLocalChain(processes, { pace: 'hasty' })
    addresses = (await chain.provider.listAccounts()).map(({ address }) => address)
    const owner = await chain.provider.getSigner(OWNER)
    const contracts = {
      VerifierRegistry: await deployed('VerifierRegistry', owner, [owner.address]),
      PublisherRegistry: await deployed('PublisherRegistry', owner, []),
    }
    await writeDeployment(contracts)
    const verifiers = clients.verifiers(contracts.VerifierRegistry, owner)
    await (await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), owner.address)).wait()

    await identity('circuit', at('people'), '--local')
    await identity('circuit', at('changes'), '--list', '--local')
    for (const folder of ['people', 'changes']) {
      const made = await done('dao', 'deploy-verifier', at(folder), ...as(OWNER))
      await (await verifiers.register(made.circuitId, made.address, made.vkHash, 1, '0x')).wait()
    }
    lists = (await identity('deploy-lists', at('changes'), ...as(OWNER))).address
    const open = (name: string, who: number) => identity('list', 'open', '--lists', lists, '--name', name, ...as(who))
    expect((await open('sanctions', KEEPER)).listId).to.equal(1)
    expect((await open('revoked', ISSUER)).listId).to.equal(2)

    const { material } = await done('zkml', 'sign-key', '--out', at('issuer.key'))
    const publishers = clients.publishers(contracts.PublisherRegistry, await chain.provider.getSigner(ISSUER))
    await (await publishers.registerPublisher('Office of documents')).wait()
    await (await publishers.addKey(1, EDDSA, 0, 4_000_000_000, material)).wait()

    const policy = ['--sanctions', '1', '--min-age', '18', '--except', '408', '364', '--admin', addresses[OWNER]!]
    gate = (await identity('deploy-gate', at('people'), '--lists', lists, ...policy, ...as(OWNER))).address
    await identity(...onGate('accept', '--issuer', '1', '--revocations', '2'), ...as(OWNER))
    const { abi, bytecode } = JSON.parse(
      await readFile('artifacts/contracts/examples/PassedToken.sol/PassedToken.json', 'utf8'),
    )
    const made = await new ContractFactory(abi, bytecode, owner).deploy(gate, 1000n)
    token = new Contract(await made.getAddress(), abi, owner)
  })

  after(async () => {
    chain?.provider.destroy()
    await processes?.[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  })

  const deployed = async (name: 'VerifierRegistry' | 'PublisherRegistry', signer: JsonRpcSigner, args: unknown[]) => {
    const { abi, bytecode } = contractArtifact(name)
    const contract = await new ContractFactory(abi as string[], bytecode, signer).deploy(...args)
    await contract.waitForDeployment()
    return await contract.getAddress()
  }

  /** A deployment file: the contracts that identities need, and the owner's address where there is none. */
  const writeDeployment = async (contracts: Record<string, string>) => {
    const names = [
      ...['CohortToken', 'TimelockController', 'CohortGovernor', 'Guardian', 'Successors', 'KeeperRegistry'],
      ...['StakePoolFactory', 'EqualRewards', 'SampleRewards', 'LearningService', 'ServiceFactory', 'InferenceHub'],
      ...['ModelRegistry', 'EnsembleOracle', 'ProverMarket', 'PredictionMarket', 'InputMarket', 'DaoPilot'],
      ...['OutcomePoolFactory', 'SpendingGuard', 'AnnouncedSignatures', 'HubValidator', 'AdoptedModel'],
    ]
    const rest = Object.fromEntries(names.map((name) => [name, addresses[OWNER]]))
    const { chainId } = await chain.provider.getNetwork()
    const file = { network: 'localhost', chainId: Number(chainId), fromBlock: 0, contracts: { ...rest, ...contracts } }
    await writeFile(at('deployment.json'), JSON.stringify({ ...file, services: [] }))
  }

  /** Wallet, camera and credential of a drawn person. */
  const enrolled = async (
    name: string,
    person: number,
    more: { born?: string; country?: string; number?: string } = {},
  ) => {
    const { holder } = await identity('wallet', '--out', at(`${name}.wallet.json`))
    const { material } = await done('zkml', 'sign-key', '--out', at(`${name}.camera.key`))
    const pictures: string[] = []
    for (const shot of [0, 1, 2]) {
      pictures.push(at(`${name}.${shot}.json`))
      await identity('picture', '--person', String(person), '--shot', String(shot), '--out', pictures.at(-1)!)
    }
    const { born = '1990-12-31', country = '276', number = 'C01X00T47' } = more
    return await identity(
      ...['issue', '--key', at('issuer.key'), '--holder', holder, '--camera', material, '--picture', ...pictures],
      ...['--document', number, '--country', country, '--born', born, '--expires', '2099-12-31'],
      ...['--out', at(`${name}.credential.json`)],
    )
  }

  /** A picture of `person` by the camera of `name`, for an account: options of `pass`. */
  const captured = async (name: string, person: number, account: string, shot = 7) => {
    const { context, block } = await identity(...onGate('challenge', '--for', account))
    await identity('picture', '--person', String(person), '--shot', String(shot), '--out', at('now.json'))
    const out = at(`${name}.capture.json`)
    await identity(
      'capture',
      '--key',
      at(`${name}.camera.key`),
      '--picture',
      at('now.json'),
      '--context',
      context,
      '--out',
      out,
    )
    return ['--capture', out, '--block', String(block), '--for', account]
  }
  const passing = (name: string, taken: readonly string[]) => [
    ...onGate(
      'pass',
      at('people'),
      '--wallet',
      at(`${name}.wallet.json`),
      '--credential',
      at(`${name}.credential.json`),
    ),
    ...['--issuer', '1', '--key-id', '1', '--chain', '31337', '--min-age', '18', '--except', '408', '364', ...taken],
  ]

  it('lets a holder through on a proof, and tokens move between those who passed', async () => {
    const account = addresses[HOLDER]!
    await enrolled('holder', PERSON)
    await refused(1, /has no pass/, ...onGate('show', '--for', account))
    const sent = await identity(...passing('holder', await captured('holder', PERSON, account)), ...as(HOLDER))
    expect(Number(sent.gasUsed)).to.be.below(500_000)
    expect((await identity(...onGate('show', '--for', account))).passed).to.equal(true)

    await enrolled('owner', THIEF, { number: 'OWNER1' })
    await identity(...passing('owner', await captured('owner', THIEF, addresses[OWNER]!)), ...as(OWNER))
    await (
      await (token.transfer as (to: string, value: bigint) => Promise<{ wait(): Promise<unknown> }>)(account, 5n)
    ).wait()
    expect(await (token.balanceOf as (of: string) => Promise<bigint>)(account)).to.equal(5n)
    const other = (token.transfer as (to: string, value: bigint) => Promise<unknown>)(addresses[STRANGER]!, 5n)
    await other.then(
      () => expect.fail('moved to an account without a pass'),
      (error: Error) => expect(error.message).to.match(/NotPassed|0x/),
    )
  })

  it('a thief with wallet, credential and camera has another face', async () => {
    const account = addresses[STRANGER]!
    const taken = await captured('holder', THIEF, account)
    await refused(1, /not near the credential's face/, ...passing('holder', taken), ...as(STRANGER))
  })

  it('a thief with the camera of somebody else has another key', async () => {
    const account = addresses[STRANGER]!
    await done('zkml', 'sign-key', '--out', at('thief.camera.key'))
    const taken = await captured('thief', PERSON, account)
    await refused(1, /another camera/, ...passing('holder', taken), ...as(STRANGER))
  })

  it('a holder has no second account, and nobody has a copied proof', async () => {
    const account = addresses[STRANGER]!
    const taken = await captured('holder', PERSON, account)
    await refused(1, /NullifierTaken/, ...passing('holder', taken), ...as(STRANGER))
    await enrolled('second', 2003, { number: 'SECOND1' })
    const proof = at('second.proof.json')
    await identity(...passing('second', await captured('second', 2003, account)), '--out', proof)
    const copied = addresses[5]!
    await refused(1, /InvalidProof/, ...onGate('bring', proof, '--for', copied), ...as(5))
    await identity(...onGate('bring', proof, '--for', account), ...as(5))
    expect((await identity(...onGate('show', '--for', account))).passed).to.equal(true)
  })

  it('minors, forbidden countries and old pictures do not pass', async () => {
    const account = addresses[6]!
    await enrolled('minor', 2004, { born: '2020-01-01', number: 'MINOR1' })
    await refused(1, /born 20200101/, ...passing('minor', await captured('minor', 2004, account)), ...as(6))
    await enrolled('foreign', 2005, { country: '408', number: 'FOREIGN1' })
    await refused(1, /country 408/, ...passing('foreign', await captured('foreign', 2005, account)), ...as(6))
    await enrolled('late', 2006, { number: 'LATE1' })
    const taken = await captured('late', 2006, account)
    await chain.provider.send('hardhat_mine', ['0x90'])
    await refused(1, /ChallengeNotRecent/, ...passing('late', taken), ...as(6))
  })

  it('a listed document and a revoked credential end it, by proofs of the lists’ keepers alone', async () => {
    const account = addresses[7]!
    const { id } = await enrolled('listed', 2007, { number: 'LISTED1' })
    const value = (...more: string[]) => ['--lists', lists, ...more]
    const listed = value('--list', '1', '--document', 'LISTED1', '--country', '276')
    expect((await identity('list', 'check', ...listed)).listed).to.equal(false)
    await refused(1, /NotListKeeper/, 'list', 'add', at('changes'), ...listed, ...as(STRANGER))
    const sent = await identity('list', 'add', at('changes'), ...listed, ...as(KEEPER))
    expect(Number(sent.gasUsed)).to.be.below(400_000)
    await refused(1, /is in list 1/, 'list', 'check', ...listed)
    await refused(1, /is in the list/, 'list', 'add', at('changes'), ...listed, ...as(KEEPER))
    await refused(1, /list of sanctions/, ...passing('listed', await captured('listed', 2007, account)), ...as(7))
    await identity('list', 'remove', at('changes'), ...listed, ...as(KEEPER))

    const revoked = value('--list', '2', '--value', id)
    await identity('list', 'add', at('changes'), ...revoked, ...as(ISSUER))
    await refused(1, /list of revocations/, ...passing('listed', await captured('listed', 2007, account)), ...as(7))
    await identity('list', 'remove', at('changes'), ...revoked, ...as(ISSUER))
    await identity(...passing('listed', await captured('listed', 2007, account)), ...as(7))
  })

  it('a withdrawn issuer ends the passes that rest on it', async () => {
    const account = addresses[HOLDER]!
    await refused(
      1,
      /AccessControlUnauthorizedAccount/,
      ...onGate('accept', '--issuer', '1', '--revocations', '2'),
      ...as(STRANGER),
    )
    await identity(...onGate('accept', '--issuer', '1', '--revocations', '2', '--withdraw'), ...as(OWNER))
    await refused(1, /has no pass/, ...onGate('show', '--for', account))
    const taken = await captured('holder', PERSON, account)
    await refused(1, /does not accept issuer 1/, ...passing('holder', taken), ...as(HOLDER))
    await identity(...onGate('accept', '--issuer', '1', '--revocations', '2'), ...as(OWNER))
  })

  it('bad input is refused at each door, by name', async () => {
    const account = addresses[HOLDER]!
    const credential = JSON.parse(await readFile(at('holder.credential.json'), 'utf8'))
    const spoilt = async (change: object) => {
      await writeFile(at('spoilt.credential.json'), JSON.stringify({ ...credential, ...change }))
      return ['spoilt', await captured('holder', PERSON, account)] as const
    }
    await writeFile(at('spoilt.wallet.json'), await readFile(at('holder.wallet.json')))
    for (const [change, why] of [
      [{ country: 1000 }, /spoilt\.credential\.json: country/],
      [{ country: 250 }, /signature is not the issuer's/],
      [{ face: [1, 2] }, /face/],
      [{ camera: ['0x0', '0x1'] }, /camera: a public key/],
      [{ more: 1 }, /Unrecognized key/],
    ] as const) {
      await refused(65, why, ...passing(...(await spoilt(change))), ...as(HOLDER))
    }
    await writeFile(at('spoilt.wallet.json'), JSON.stringify({ format: 'cohort-wallet', version: 1, secret: '0x7' }))
    const short = await run('identity', ...passing(...(await spoilt({}))), ...as(HOLDER))
    expect([short.code, short.stderr.includes('0x7')], 'a secret is never quoted').to.deep.equal([65, false])
    await refused(64, /--value, or a document/, 'list', 'check', '--lists', lists, '--list', '1')
    await refused(64, /exists, and is not replaced/, 'wallet', '--out', at('holder.wallet.json'))
    await refused(65, /document/, 'document', '--document', 'no/slash', '--country', '276')
    await refused(78, /has no list 9/, 'list', 'check', '--lists', lists, '--list', '9', ...DOCUMENT)
    await refused(78, /does not answer/, 'show', '--gate', lists, '--for', account)
    await refused(66, /ENOENT/, 'bring', at('none.json'), '--gate', gate, '--for', account, ...as(HOLDER))
  })
})
