// SPDX-License-Identifier: GPL-3.0-or-later
// The data market end to end: a chain and four keepers as processes, real circuits and proofs, every step a command. A keeper offers data that a
// device attests to; the service admits it; rounds run, and members sit out in turn; claims on drawn batches of the hold-out settle; prizes and the
// offer's price are paid. A liar tries in between.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { JsonRpcSigner, parseEther } from 'ethers'
import { commitSamples, signSample } from '../../keepers/apps/sensors/index.ts'
import { clients, readDeployment } from '../../keepers/chain/index.ts'
import { initialWeights, parseCsv } from '../../keepers/learning/index.ts'
import { DataPlane } from '../../keepers/network/index.ts'
import {
  answersOf,
  fetchVersion,
  labelReading,
  openManifest,
  provableModel,
  rowsOfInput,
  specOf,
} from '../../keepers/versions/index.ts'
import {
  compileFolder,
  eddsaPublicKey,
  folderPaths,
  type IntegerProgram,
  programToJson,
  setupFolder,
} from '../../keepers/zkml/index.ts'
import { Cluster } from '../../scripts/cluster.ts'
import { ACCOUNT, deploymentPath } from '../../scripts/demo/deployment.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import type { Subject } from '../../scripts/demo/rows.ts'
import { subjectOf } from '../../scripts/demo/subject.ts'
import { commandIn } from '../commands/command-line.ts'

const ADMIN = 0
const MAKER = 2
const STRANGER = 3
const SELLER = ACCOUNT.firstOwner
const COUNT = 8
const POOL = 6
const ROUNDS = 2
const DEVICE_SEED = new Uint8Array(32).fill(5)

describe('the data market, by processes', function () {
  this.timeout(1_500_000)
  let folder: string
  let subject: Subject
  let cluster: Cluster
  let claims: string
  let rewards: string
  let offers: string
  let sensors: string
  const salt = 1n
  const openings: string[] = []
  const leaves: string[] = []
  const at = (name: string) => join(folder, name)
  const json = (name: string, value: unknown): string => {
    const text = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one))
    writeFileSync(at(name), text)
    return at(name)
  }
  const environment = () => ({
    COHORT_RPC_URL: cluster.url,
    COHORT_DEPLOYMENT: deploymentPath(cluster.folder),
    ...(claims === undefined ? {} : { COHORT_CLAIMS: claims }),
    ...(rewards === undefined ? {} : { COHORT_REWARDS: rewards, COHORT_OFFERS: offers }),
  })
  const run = (args: readonly string[], account: number | null) =>
    commandIn(environment(), ...args, ...(account === null ? [] : ['--account', String(account)]), '--json')
  const on = async (account: number | null, ...args: string[]) => {
    const { code, stdout, stderr } = await run(args, account)
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return JSON.parse(stdout)
  }
  const refused = async (account: number | null, what: RegExp, ...args: string[]) => {
    const { code, stderr } = await run(args, account)
    expect(stderr, args.join(' ')).to.match(what)
    expect(code).to.not.equal(0)
    return code
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-data-market-'))
    subject = await subjectOf(parseOptions(['--example', 'cancer'])!, folder, () => undefined)
    cluster = await Cluster.create({
      keepers: 4,
      manifest: subject.manifest,
      service: { minKeepers: 3 },
      windows: {
        registrationWindow: 30,
        trainingWindow: 120,
        revealWindow: 60,
        aggregateWindow: 120,
        decryptWindow: 120,
        voteWindow: 90,
      },
      values: (index) => ({ 'data.shard': { kind: 'all' }, ...subject.values(index, 4) }),
    })
    await actAsTimelock()
    await claimCircuits()
    await holdOut()
    await market()
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What votes of the DAO would do: account 0 registers circuits, and administers the service. */
  async function actAsTimelock(): Promise<void> {
    const { provider, service } = cluster
    const { contracts } = await readDeployment(deploymentPath(cluster.folder))
    const timelock = contracts.TimelockController
    await provider.send('hardhat_impersonateAccount', [timelock])
    await provider.send('hardhat_setBalance', [timelock, '0xde0b6b3a7640000'])
    const signer = new JsonRpcSigner(provider, timelock)
    const { address: admin } = await provider.getSigner(ADMIN)
    const verifiers = clients.verifiers(contracts.VerifierRegistry, signer)
    await (await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), admin)).wait()
    const data = verifiers.interface.encodeFunctionData('grantRole', [`0x${'00'.repeat(32)}`, admin])
    await (await signer.sendTransaction({ to: service, data })).wait()
  }

  async function register({ circuitId, address, vkHash }: Record<string, string>): Promise<void> {
    const { contracts } = await readDeployment(deploymentPath(cluster.folder))
    const verifiers = clients.verifiers(contracts.VerifierRegistry, await cluster.provider.getSigner(ADMIN))
    await (await verifiers.register(circuitId!, address!, vkHash!, 1, '0x')).wait()
  }

  /** Circuits of accuracy and of its opposite, of the service's architecture; one set-up proves every version. */
  async function claimCircuits(): Promise<void> {
    const model = await openManifest(subject.manifest)
    const spec = await specOf(subject.manifest)
    const { program } = provableModel(model, initialWeights(spec, subject.manifest.model.initialSeed))
    for (const [name, opposite] of [
      ['accurate', {}],
      ['inaccurate', { refutes: true }],
    ] as const) {
      const statement = { kind: 'accuracy', ...opposite } as const
      const claim = { count: COUNT, statement }
      await compileFolder({ folder: at(name), program: labelled(program), claim, modelSalt: 7n })
      await setupFolder(at(name))
      const made = await on(ADMIN, 'dao', 'deploy-verifier', at(name))
      await register(made)
    }
    claims = (await on(ADMIN, 'claim', 'deploy', '--registrar', (await cluster.provider.getSigner(ADMIN)).address))
      .address
    await on(ADMIN, 'claim', 'describe', at('accurate'), '--refutation', at('inaccurate'))
  }

  /** Rows that no keeper has, as the model takes them. */
  function heldBack(): { inputs: number[][]; labels: number[] } {
    const { input, task } = subject.manifest
    if (input.kind === 'picture' || input.kind === 'tensor') throw new Error('rows are of a table')
    const text = readFileSync(at('data/test.csv'), 'utf8')
    const names = answersOf(task)
    const classes = typeof names === 'number' ? {} : { classes: [...names] }
    const { inputs, labels, inputShape, scale } = parseCsv(text, {
      ...rowsOfInput(input)!,
      ...labelReading(task),
      ...classes,
    })
    const width = inputShape.reduce((product, side) => product * side, 1)
    const rows = Array.from(labels, (_, i) => Array.from(inputs.subarray(i * width, (i + 1) * width), (v) => v * scale))
    return { inputs: rows, labels: Array.from(labels) }
  }

  /** A pool of batches that no keeper has. */
  async function holdOut(): Promise<void> {
    const { inputs, labels } = heldBack()
    expect(inputs.length).to.be.at.least(POOL * COUNT)
    for (let b = 0; b < POOL; b++) {
      const part = <T>(list: readonly T[]) => list.slice(b * COUNT, (b + 1) * COUNT)
      const batch = json(`batch${b}.json`, { inputs: part(inputs).map((row) => Array.from(row)), labels: part(labels) })
      const out = at(`batch${b}.opening.json`)
      leaves.push(
        (await on(null, 'zkml', 'claim', 'commit', at('accurate'), '--batch', batch, '--out', out)).commitment,
      )
      openings.push(out)
    }
    json('leaves.json', leaves)
    await on(STRANGER, 'claim', 'pool', at('accurate'), '--batches', ...openings)
  }

  async function market(): Promise<void> {
    sensors = at('sensors')
    await on(null, 'data', 'circuit', sensors, '--samples', '4', '--depth', '3')
    await register(await on(ADMIN, 'data', 'verifier', sensors))
    ;({ rewards, offers } = await on(ADMIN, 'data', 'deploy', sensors, '--claims', claims))
    const campaign = json('campaign.json', {
      ...{
        service: cluster.service,
        pool: 1,
        count: COUNT,
        draws: 1,
        baseline: 0,
        margin: 0,
        step: 1,
        tolerance: COUNT,
      },
      ...{ rate: '0.01', minBond: '0.04', ceremony: false, presentHours: 24, patienceHours: 24, days: 30, perRound: 1 },
    })
    const opened = await on(ADMIN, 'data', 'campaign', campaign, '--budget', '1')
    expect(opened.campaignId).to.equal(1)
    await refused(STRANGER, /NotServiceAdmin/, 'data', 'campaign', campaign, '--budget', '1')
    for (const node of cluster.nodes) appendFileSync(join(node.folder, 'keeper.yaml'), `\nrota:\n  perRound: 1\n`)
  }

  const labelled = (program: IntegerProgram): IntegerProgram => ({ ...program, output: { kind: 'label' } })

  it('a keeper offers data that a device attests to, and the service admits it; sybils and copies are refused', async () => {
    const day = [215, 214, 219, 231].map((value, i) => signSample(DEVICE_SEED, { counter: 1000 + 60 * i, value }))
    const commitment = commitSamples(day, salt)
    const devices = json('devices.json', { keys: [null, eddsaPublicKey(DEVICE_SEED)] })
    const offered = json('offered.json', [commitment, 4711n, 4712n])
    const samples = json('day.json', { device: 1, samples: day, salt })
    const { address: maker } = await cluster.provider.getSigner(MAKER)
    const terms = {
      schema: 'cells',
      leaves: [commitment, 4711n, 4712n],
      maker,
      price: '0.1',
      expires: 20,
      proveDays: 30,
      minEarned: '0.000001',
    }
    const file = json('offer.json', terms)
    await on(MAKER, 'data', 'devices', devices, sensors)
    await refused(STRANGER, /NotKeeper/, 'data', 'offer', file)
    const { offerId } = await on(SELLER, 'data', 'offer', file)
    expect(offerId).to.equal(1)
    await refused(SELLER, /RootTaken/, 'data', 'offer', file)
    const attest = ['data', 'attest', '1', sensors, '--devices', devices, '--leaves', offered, '--index', '0']
    const cold = json('cold.json', { device: 1, samples: day.map((one) => ({ ...one, value: one.value - 1 })), salt })
    expect(await refused(SELLER, /sample 0: the signature is not the device’s/, ...attest, '--samples', cold)).to.equal(
      65,
    )
    const made = await on(SELLER, ...attest, '--samples', samples)
    expect(made).to.include({ device: 1, count: 4, first: 1000, last: 1180, min: 214, max: 231, sum: 879 })
    await refused(SELLER, /NotLeaf/, ...attest, '--samples', samples)
    const { offers: listed } = await on(null, 'data', 'list', '--open')
    expect(listed).to.have.length(1)
    expect(listed[0]).to.include({ status: 'open', attested: 4, current: true, size: 3 })
    await refused(STRANGER, /NotServiceAdmin/, 'data', 'buy-in', '1', '--service', cluster.service)
    await on(ADMIN, 'data', 'buy-in', '1', '--service', cluster.service)
    expect((await on(null, 'data', 'show', '1')).status).to.equal('admitted')
    // A liar's offer of seven leaves of which there are three.
    const { BatchTree } = await import('../../keepers/chain/index.ts')
    const { root } = new BatchTree([1n, 2n, 3n], 7)
    const { leaves: _, ...rest } = terms
    await on(SELLER + 1, 'data', 'offer', json('liar.json', { ...rest, root, size: 7 }))
    const few = json('few.json', ['1', '2', '3'])
    expect(await refused(STRANGER, /--index 1/, 'data', 'strike', '2', '--leaves', few, '--index', '1')).to.equal(64)
    await on(STRANGER, 'data', 'strike', '2', '--leaves', few, '--index', '3')
    expect((await on(null, 'data', 'show', '2')).reputation.struck).to.equal(1)
  })

  it('rounds run, one member sits the second one out, and prizes follow what claims on drawn batches prove', async () => {
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, ROUNDS, 600_000)))
    const sat = cluster.lines.filter(({ event, round }) => event === 'sits out' && Number(round) <= ROUNDS)
    expect(sat.map(({ round }) => round)).to.deep.equal([2])
    const events = await cluster.events()
    const empty = events.filter(({ name, args }) => name === 'UpdateRevealed' && Number(args.samples) === 0)
    expect(empty.map(({ args }) => Number(args.round))).to.include(2)
    expect(events.filter(({ name }) => ['Penalised', 'StruckOut', 'Dropped'].includes(name))).to.deep.equal([])
    const drawn: number[] = []
    for (let version = 1; version <= ROUNDS; version++) {
      const { indices } = await on(STRANGER, 'data', 'draw', '1', '--number', String(version))
      drawn.push(indices[0])
    }
    expect(new Set(drawn).size).to.equal(ROUNDS)
    await versionFolders()
    await Promise.all(cluster.nodes.map((node) => cluster.stop(node)))

    const figures: number[] = []
    for (const [i, index] of drawn.entries()) {
      const number = String(i + 1)
      const terms = [
        '--service',
        cluster.service,
        '--number',
        number,
        '--guarantee',
        '0',
        '--expires',
        '+60d',
        '--bond',
        '0.04',
      ]
      const published = await on(
        SELLER + 1,
        ...['claim', 'publish', at(`version${number}`), '--batch', openings[index]!, '--pool', '1', ...terms],
      )
      figures.push(published.figure)
      const claim = String(published.claimId)
      if (i === 1)
        await refused(
          SELLER,
          /ClaimUnfit/,
          'data',
          'present',
          '1',
          '--number',
          '2',
          '--claims',
          '1',
          '--leaves',
          at('leaves.json'),
        )
      const shown = ['data', 'present', '1', '--number', number, '--claims', claim, '--leaves', at('leaves.json')]
      expect((await on(SELLER, ...shown)).figure).to.equal(published.figure)
      await refused(SELLER, /NotBetter/, ...shown)
    }
    await refused(STRANGER, /TooEarly/, 'data', 'settle-version', '1')
    await cluster.provider.send('evm_increaseTime', [49 * 3600])
    await cluster.provider.send('evm_mine', [])
    const settled = []
    for (let i = 0; i < ROUNDS; i++) settled.push(await on(STRANGER, 'data', 'settle-version', '1'))
    const best = Math.max(...figures)
    expect(settled.at(-1)).to.include({ best, waiting: 0 })
    const paid = settled.reduce((sum, { paid: one }) => sum + BigInt(one), 0n)
    expect(paid).to.be.within(BigInt(best) * parseEther('0.01') - 10n, BigInt(best) * parseEther('0.01'))
    await refused(STRANGER, /NothingWaits/, 'data', 'settle-version', '1')
    const contract = clients.improvementRewards(rewards, cluster.provider)
    const owed = await Promise.all(cluster.nodes.map(({ owner }) => contract.balanceOf(owner)))
    expect(owed.reduce((sum, one) => sum + one)).to.equal(paid)
    await on(SELLER, 'data', 'withdraw-rewards')
    expect(await contract.balanceOf(cluster.nodes[0]!.owner)).to.equal(0n)
    const { epoch } = await contract.measuredOf(1, 1)
    const { members } = await on(null, 'data', 'scores', '1', '--epoch', String(epoch))
    expect(members).to.have.length(4)
    // The version was accepted after the seller's data was, and the seller was paid for it.
    expect((await on(STRANGER, 'data', 'settle', '1')).proven).to.equal(true)
    expect((await on(null, 'data', 'show', '1')).reputation.proven).to.equal(1)
    await on(SELLER, 'data', 'withdraw')
  })

  /** The claim's circuit with the weights of each version, which whoever proves has from the chain and the keepers. */
  async function versionFolders(): Promise<void> {
    const { provider, service } = cluster
    const plane = await DataPlane.start({
      folder: at('prover'),
      identitySeed: crypto.getRandomValues(new Uint8Array(32)),
    })
    try {
      const model = await openManifest(subject.manifest)
      for (let version = 1; version <= ROUNDS; version++) {
        const held = await fetchVersion({ provider, service, model, plane, fromBlock: 0 }, BigInt(version))
        const target = at(`version${version}`)
        await cp(at('accurate'), target, { recursive: true })
        const program = labelled(provableModel(model, held.weights).program)
        const made = await compileFolder({
          ...{ folder: at(`compiled${version}`), program, modelSalt: held.salt },
          claim: { count: COUNT, statement: { kind: 'accuracy' } },
        })
        expect(made.manifest.circuitId).to.equal(JSON.parse(await read(at('accurate'))).circuitId)
        await writeFile(folderPaths(target).program, programToJson(program))
        for (const name of ['manifest', 'salt', 'program'] as const)
          await cp(folderPaths(at(`compiled${version}`))[name], folderPaths(target)[name])
      }
    } finally {
      await plane.stop()
    }
  }

  async function read(circuit: string): Promise<string> {
    const { readFile } = await import('node:fs/promises')
    return readFile(folderPaths(circuit).manifest, 'utf8')
  }
})
